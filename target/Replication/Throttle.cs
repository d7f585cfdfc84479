namespace Cstor.Target.Replication;

/// <summary>
/// Has those that are caught up take no more than a rate together, so that initiators keep the rest. The rate
/// may change at any time.
/// </summary>
internal sealed class Throttle(GroupMember member)
{
    private const long Second = 1_000_000_000;
    private const long LongestNapNanoseconds = Second / 20;

    private long _freeNanoseconds;

    /// <summary>Completes when so many bytes more may be sent.</summary>
    public async ValueTask TakeAsync(long bytes)
    {
        for (long waited = 0; member.CatchUpBytesPerSecond is > 0 and var rate;)
        {
            long now = member.Loop.NowNanoseconds;
            // What others have taken may last long at a rate that is not any more.
            long costs = (long)((double)bytes / rate * Second);
            if (_freeNanoseconds <= now || waited > costs * GroupConfiguration.MaximumReplicas)
            {
                _freeNanoseconds = now + costs;
                return;
            }

            long nap = Math.Min(LongestNapNanoseconds, _freeNanoseconds - now);
            waited += nap;
            await member.Loop.DelayAsync(nap);
        }
    }
}
