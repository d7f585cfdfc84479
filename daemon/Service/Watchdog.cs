using System.Globalization;

namespace Cstor.Daemon.Service;

/// <summary>
/// Signs of life for systemd (sd_watchdog_enabled(3)): sent only while the loop turns, so a daemon that hangs
/// is ended and started again, and one that merely waits for a disk is not.
/// </summary>
internal sealed class Watchdog : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private Watchdog(TimeSpan interval, Func<Task> loop, Action alive, TimeProvider time) =>
        _running = RunAsync(interval, loop, alive, time, _stop.Token);

    /// <param name="period">Value of <c>WATCHDOG_USEC</c>: none, no watchdog.</param>
    /// <param name="process">Value of <c>WATCHDOG_PID</c>: for which process it is, or null.</param>
    /// <param name="loop">Completes when the loop has come round.</param>
    /// <param name="alive">Tells the manager.</param>
    /// <param name="time">For the intervals.</param>
    /// <returns>What is to be stopped at the end, or null where nobody watches.</returns>
    public static Watchdog? Start(
        string? period, string? process, Func<Task> loop, Action alive, TimeProvider time)
    {
        bool isWatched = long.TryParse(
            period, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds)
            && microseconds > 0;
        bool isOurs = string.IsNullOrEmpty(process)
            || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        if (!isWatched || !isOurs) return null;
        // Three signs in each period: one may be late.
        return new Watchdog(TimeSpan.FromMicroseconds(microseconds / 3.0), loop, alive, time);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private static async Task RunAsync(
        TimeSpan interval, Func<Task> loop, Action alive, TimeProvider time, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await loop().WaitAsync(stop);
                alive();
                await Task.Delay(interval, time, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The daemon ends.
        }
    }
}
