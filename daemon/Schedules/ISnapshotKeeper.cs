using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Schedules;

/// <summary>What a scheduler needs of a running daemon.</summary>
internal interface ISnapshotKeeper
{
    /// <summary>Volumes with a schedule, of pools that can be written.</summary>
    Task<ScheduledVolume[]> LookAsync();

    /// <summary>Takes a snapshot of that name of all these volumes, at one instant.</summary>
    Task<Outcome<ActionReport>> TakeAsync(string pool, string[] volumes, string snapshot);

    Task<Outcome<ActionReport>> DestroyAsync(string pool, string volume, string snapshot);
}
