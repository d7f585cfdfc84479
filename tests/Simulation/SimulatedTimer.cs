using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation;

/// <summary>A one-shot timer in virtual time.</summary>
internal sealed class SimulatedTimer(SimulatedLoop loop, Action callback) : ILoopTimer
{
    private SimulatedEvent? _armed;

    public void Start(long nanoseconds)
    {
        loop.CheckIsCurrent();
        Stop();
        _armed = loop.Machine.At(nanoseconds, loop, "timer", Fire);
    }

    public void Stop()
    {
        if (_armed is not null) _armed.IsCancelled = true;
        _armed = null;
    }

    private void Fire()
    {
        _armed = null;
        callback();
    }
}
