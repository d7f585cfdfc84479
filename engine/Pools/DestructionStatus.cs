namespace Cstor.Engine.Pools;

/// <summary>A volume or snapshot that was destroyed and whose space is coming back.</summary>
/// <param name="Name">The one it had.</param>
/// <param name="Percent">Of its blocks, how far destruction has come.</param>
public sealed record DestructionStatus(string Name, int Percent)
{
    /// <summary>Identity: another of the same name may have been destroyed before.</summary>
    public Guid Id { get; init; }
}
