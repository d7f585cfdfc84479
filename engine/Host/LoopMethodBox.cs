using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cstor.Engine.Host;

/// <summary>The box of one async method.</summary>
internal sealed class LoopMethodBox<T, TStateMachine> : LoopMethodResult<T>
    where TStateMachine : IAsyncStateMachine
{
    // One pool for each method and thread, as large as the method was ever under way at once.
    [ThreadStatic]
    private static Stack<LoopMethodBox<T, TStateMachine>>? t_free;

    [SuppressMessage("Design", "CA1051", Justification = "The machine is a struct that runs in place.")]
    public TStateMachine? StateMachine;

    public static LoopMethodBox<T, TStateMachine> Rent()
    {
        Stack<LoopMethodBox<T, TStateMachine>> free = t_free ??= new(4);
        return free.TryPop(out LoopMethodBox<T, TStateMachine>? box) ? box : new();
    }

    protected override void MoveNext() => StateMachine!.MoveNext();

    protected override void Return()
    {
        // What the method held must not be kept alive.
        StateMachine = default;
        (t_free ??= new(4)).Push(this);
    }
}
