namespace Cstor.Daemon.Schedules;

/// <summary>A volume that has a schedule, as it is now.</summary>
/// <param name="Id">Identity: a renamed volume is the same.</param>
/// <param name="Pool">Its pool.</param>
/// <param name="Volume">Name within the pool.</param>
/// <param name="Schedule">The property.</param>
/// <param name="Snapshots">Names of its snapshots, the oldest first.</param>
/// <param name="Kept">Those that cannot be destroyed: held, or the origin of a clone.</param>
internal sealed record ScheduledVolume(
    Guid Id, string Pool, string Volume, string Schedule, string[] Snapshots, string[] Kept);
