using System.Diagnostics.CodeAnalysis;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host;

/// <summary>Why an administrative request was refused: what and where, and what to do about it.</summary>
/// <param name="Code">Stable, for programs: "device-in-use", "pool-exists".</param>
/// <param name="Message">What is wrong, naming the thing ("/dev/sdb: carries an ext4 file system").</param>
/// <param name="Remedy">What to do next, or empty.</param>
public sealed record Fault(string Code, string Message, string Remedy = "")
{
    public override string ToString() => Remedy.Length == 0 ? Message : $"{Message}. {Remedy}";
}

/// <summary>Nothing, as the value of an outcome.</summary>
public readonly record struct Unit
{
    public static readonly Unit Value;
}

/// <summary>
/// A value, or the fault that stood in its way. For administration; the data path uses
/// <see cref="IoStatus"/>.
/// </summary>
public readonly struct Outcome<T>
{
    private readonly T? _value;

    private Outcome(T? value, Fault? fault)
    {
        _value = value;
        Fault = fault;
    }

    public Fault? Fault { get; }

    [MemberNotNullWhen(false, nameof(Fault))]
    public bool IsOk => Fault is null;

    /// <summary>The value; asking for it after a fault is a bug.</summary>
    public T Value
    {
        get
        {
            Check.That(Fault is null);
            return _value!;
        }
    }

    [SuppressMessage("Usage", "CA2225", Justification = "The conversions are the constructors.")]
    public static implicit operator Outcome<T>(T value) => new(value, null);

    [SuppressMessage("Usage", "CA2225", Justification = "The conversions are the constructors.")]
    public static implicit operator Outcome<T>(Fault fault) => new(default, fault);

    /// <summary>For interface types, which C# does not convert implicitly.</summary>
    [SuppressMessage("Design", "CA1000", Justification = "Reads as a constructor.")]
    public static Outcome<T> Ok(T value) => new(value, null);
}
