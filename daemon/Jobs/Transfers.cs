using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Streams;

namespace Cstor.Daemon.Jobs;

/// <summary>
/// The streams of this daemon, as the pools do not know who sends them where. Those that ended are kept for a
/// while, so that whoever watches learns how. Called from any thread.
/// </summary>
internal sealed class Transfers(TimeProvider time)
{
    private const int EndedMaximum = 32;

    private readonly Lock _gate = new();
    private readonly List<Transfer> _all = [];
    private int _last;

    /// <summary>The oldest first.</summary>
    public Transfer[] All()
    {
        lock (_gate) return [.. _all];
    }

    /// <summary>Runs one.</summary>
    public async Task<Outcome<StreamReport>> RunAsync(
        string kind, string subject, Func<Transfer, Task<Outcome<StreamReport>>> run)
    {
        Transfer transfer = Begin(kind, subject);
        Outcome<StreamReport> outcome = new Fault("internal", "the daemon failed", "See the daemon's log");
        try
        {
            outcome = transfer.Explain(await run(transfer));
            return outcome;
        }
        finally
        {
            End(transfer, outcome.Fault);
        }
    }

    /// <summary>Has one end soon.</summary>
    /// <returns>False if it has ended or never was.</returns>
    public bool TryCancel(string id)
    {
        lock (_gate)
        {
            Transfer? running = _all.Find(transfer => transfer.Id == id && transfer.EndedAt is null);
            running?.Cancel();
            return running is not null;
        }
    }

    private void End(Transfer transfer, Fault? fault)
    {
        lock (_gate)
        {
            transfer.End(fault, time.GetUtcNow());
            Transfer[] ended = [.. _all.Where(static each => each.EndedAt is not null)];
            foreach (Transfer old in ended.SkipLast(EndedMaximum)) _all.Remove(old);
            transfer.Dispose();
        }
    }

    private Transfer Begin(string kind, string subject)
    {
        lock (_gate)
        {
            string id = string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_last}");
            Transfer transfer = new(id, kind, subject, time.GetUtcNow());
            _all.Add(transfer);
            return transfer;
        }
    }
}
