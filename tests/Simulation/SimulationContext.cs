namespace Cstor.Tests.Simulation;

/// <summary>
/// Runs continuations inline on the simulation's thread, as a loop of the real host does, and turns an
/// exception that
/// nobody awaits into a failure of the run (instead of the end of the test process).
/// </summary>
internal sealed class SimulationContext(SimulatedMachine machine) : SynchronizationContext
{
    private readonly int _threadId = Environment.CurrentManagedThreadId;

    public override void Post(SendOrPostCallback d, object? state)
    {
        try
        {
            if (Environment.CurrentManagedThreadId != _threadId)
                throw new InvalidOperationException("a continuation arrived on a foreign thread");
            d(state);
        }
#pragma warning disable CA1031 // Whatever it is, the run ends with it and names the seed.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            machine.ReportFailure(exception);
        }
    }

    public override void Send(SendOrPostCallback d, object? state) => Post(d, state);

    public override SynchronizationContext CreateCopy() => this;
}
