namespace Cstor.Tests.Simulation;

/// <summary>
/// Something that happens at a point of virtual time, on a loop or (without one) in the world between them.
/// </summary>
internal sealed class SimulatedEvent(SimulatedLoop? loop, string kind, Action action)
{
    public SimulatedLoop? Loop { get; } = loop;

    public string Kind { get; } = kind;

    public Action Action { get; } = action;

    public bool IsCancelled { get; set; }
}
