namespace Cstor.Daemon.Api;

/// <param name="Pool">Name or guid.</param>
/// <param name="Search">Directories and devices to look at; empty for all block devices.</param>
/// <param name="ReadOnly">Nothing is written, not even replayed.</param>
/// <param name="Force">Also if another host had the pool last and did not export it.</param>
/// <param name="DryRun">Say what would be imported.</param>
/// <param name="Checkpoint">Go back to this one, without the log; 0: the newest with its log.</param>
internal sealed record ImportPoolRequest(
    string Pool, string[] Search, bool ReadOnly, bool Force, bool DryRun, ulong Checkpoint = 0);
