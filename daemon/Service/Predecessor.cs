using Cstor.Engine.Host;

namespace Cstor.Daemon.Service;

/// <summary>
/// The daemon before this one. When it is killed, the kernel takes its ring down only after its process has
/// gone, and until then disks stay locked and ports taken, by nobody one could stop. So what is in use at
/// the start is asked for again for a while; above all, a mirror must not be opened without the one disk
/// that was late.
/// </summary>
internal static class Predecessor
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Tries until it succeeds, fails for another reason than <paramref name="inUse"/>, or took too long.
    /// </summary>
    public static async Task<Outcome<T>> OutlastAsync<T>(string inUse, Func<Task<Outcome<T>>> attempt)
    {
        DateTime deadline = DateTime.UtcNow + Patience;
        while (true)
        {
            Outcome<T> outcome = await attempt();
            if (outcome.IsOk || outcome.Fault.Code != inUse || DateTime.UtcNow >= deadline) return outcome;
            await Task.Delay(Pause);
        }
    }
}
