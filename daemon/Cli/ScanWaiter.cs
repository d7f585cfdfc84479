using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Waits until scrubs and resilvers of a pool have ended, by looking again and again: the wait ends with this
/// process, the work does not.
/// </summary>
/// <param name="context">Where progress is shown.</param>
/// <param name="look">Asks for the pool's status.</param>
internal sealed class ScanWaiter(
    CliContext context, Func<string, CancellationToken, Task<Outcome<PoolStatus>>> look)
{
    public static readonly string[] AllKinds = ["scrub", "resilver"];

    /// <summary>Waits for what runs now and is of one of the kinds.</summary>
    /// <returns>Was there anything to wait for? Or why it did not end well.</returns>
    public async Task<Outcome<bool>> WaitAsync(string pool, string[] kinds, CancellationToken cancel)
    {
        Outcome<(ScanStatus? Last, bool Waited)> ended = await FollowAsync(pool, kinds, cancel);
        if (!ended.IsOk) return ended.Fault;
        if (ended.Value is not { Waited: true, Last: { } scan }) return false;
        return Judge(pool, scan) is { } fault ? fault : true;
    }

    /// <summary>Waits for a scrub that was begun just now and may have ended already.</summary>
    public async Task<Fault?> WaitForScrubAsync(string pool, CancellationToken cancel)
    {
        Outcome<(ScanStatus? Last, bool Waited)> ended = await FollowAsync(pool, AllKinds, cancel);
        if (!ended.IsOk) return ended.Fault;
        return ended.Value.Last is { Kind: "scrub" } scrub
            ? Judge(pool, scrub)
            : new Fault(
                "scrub-displaced",
                $"pool {pool}: the scrub gave way to a resilver",
                "The resilver is over; scrub again");
    }

    private async Task<Outcome<(ScanStatus? Last, bool Waited)>> FollowAsync(
        string pool, string[] kinds, CancellationToken cancel)
    {
        ScanProgress progress = new(context.Out, context.IsTerminal);
        ScanStatus? last = null;
        bool waited = false;
        while (true)
        {
            Outcome<PoolStatus> status = await look(pool, cancel);
            if (!status.IsOk)
            {
                progress.End();
                return status.Fault;
            }
            ScanStatus? scan = status.Value.Scan;
            bool isMeant = scan is not null && kinds.Contains(scan.Kind);
            if (isMeant) last = scan;
            if (!isMeant || scan!.State != "running")
            {
                progress.End();
                return (last, waited);
            }
            waited = true;
            progress.Show(pool, scan);
            await Task.Delay(context.PollInterval, cancel);
        }
    }

    private Fault? Judge(string pool, ScanStatus scan)
    {
        context.Out.WriteLine($"{pool}: {ScanText.Summary(scan)}");
        if (scan.LostBlocks > 0)
        {
            return new Fault(
                "blocks-lost",
                $"pool {pool}: blocks are lost that no redundancy gives back",
                $"See: cstor pool status {pool}");
        }
        return scan.State switch
        {
            "paused" => new Fault(
                "scan-paused",
                $"pool {pool}: the {scan.Kind} was paused",
                $"Go on with: cstor pool scrub {pool}"),
            "canceled" => new Fault(
                "scan-stopped", $"pool {pool}: the {scan.Kind} was stopped before its end", "Begin it again"),
            _ => null,
        };
    }
}
