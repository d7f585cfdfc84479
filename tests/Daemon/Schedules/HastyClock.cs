using System.Diagnostics;

namespace Cstor.Tests.Daemon.Schedules;

/// <summary>Runs as many times faster than the machine's.</summary>
internal sealed class HastyClock(DateTimeOffset start, int factor) : TimeProvider
{
    private readonly Stopwatch _elapsed = Stopwatch.StartNew();

    public override DateTimeOffset GetUtcNow() => start + (_elapsed.Elapsed * factor);

    public override ITimer CreateTimer(
        TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        TimeProvider.System.CreateTimer(callback, state, Hasten(dueTime), Hasten(period));

    // What never comes comes no sooner; and a timer that fires early would find its moment not there yet.
    private TimeSpan Hasten(TimeSpan time) =>
        time == Timeout.InfiniteTimeSpan ? time : (time / factor) + TimeSpan.FromMilliseconds(2);
}
