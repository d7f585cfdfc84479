namespace Cstor.Engine.Host.Linux;

/// <summary>A timer of a <see cref="LinuxLoop"/>.</summary>
internal sealed class LoopTimer(LinuxLoop loop, Action callback) : TimerEntry, ILoopTimer
{
    public void Start(long nanoseconds)
    {
        loop.Timers.Remove(this);
        loop.Timers.Add(this, loop.DeadlineAfter(nanoseconds));
    }

    public void Stop() => loop.Timers.Remove(this);

    public override void Fire() => callback();
}
