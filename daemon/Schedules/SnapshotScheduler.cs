using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Schedules;

/// <summary>
/// Takes snapshots when they are due and destroys those beyond the count. Looks once a minute at what the
/// volumes' properties say and which snapshots there are, and keeps no record of its own: the point in time
/// is part of a snapshot's name, so after a restart it is seen what was missed, and that is taken once. What
/// is due for several volumes of a pool under the same name is taken at one instant.
/// </summary>
internal sealed partial class SnapshotScheduler(ISnapshotKeeper keeper, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<(Guid Volume, string Schedule), DateTimeOffset> _handled = [];
    private Task _running = Task.CompletedTask;

    /// <summary>From now on at the beginning of every minute.</summary>
    public void Start() => _running = RunAsync();

    /// <summary>Takes and destroys what is due now.</summary>
    public async Task TickAsync()
    {
        DateTimeOffset now = time.GetUtcNow();
        List<(ScheduledVolume Volume, SnapshotSchedule Schedule)> all = [];
        foreach (ScheduledVolume volume in await keeper.LookAsync())
        {
            if (SnapshotSchedule.TryParse(volume.Schedule, out SnapshotSchedule[] schedules) is { } wrong)
            {
                NotUnderstood($"{volume.Pool}/{volume.Volume}", wrong);
                continue;
            }
            foreach (SnapshotSchedule schedule in schedules) all.Add((volume, schedule));
        }
        ForgetAllBut(all);
        List<(string Pool, string Volume, string Snapshot)> due = [];
        foreach ((ScheduledVolume volume, SnapshotSchedule schedule) in all)
        {
            if (FindDue(volume, schedule, now) is not { } moment) continue;
            due.Add((volume.Pool, volume.Volume, schedule.NameAt(moment)));
        }
        foreach (var together in due.GroupBy(each => (each.Pool, each.Snapshot)))
        {
            await TakeAsync(
                together.Key.Pool, [.. together.Select(each => each.Volume)], together.Key.Snapshot);
        }
        foreach ((ScheduledVolume volume, SnapshotSchedule schedule) in all)
        {
            bool isNew = due.Exists(each => each.Pool == volume.Pool && each.Volume == volume.Volume
                && each.Snapshot.StartsWith(schedule.Prefix, StringComparison.Ordinal));
            await ThinOutAsync(volume, schedule, isNew);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                DateTimeOffset now = time.GetUtcNow();
                TimeSpan rest = Minute - TimeSpan.FromTicks(now.Ticks % Minute.Ticks);
                await Task.Delay(rest, time, _stop.Token);
                await TickAsync();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The daemon ends.
        }
    }

    /// <summary>
    /// The point in time for which a snapshot is to be taken now. A schedule that is seen for the first time
    /// and has no snapshot yet begins with the next.
    /// </summary>
    private DateTimeOffset? FindDue(ScheduledVolume volume, SnapshotSchedule schedule, DateTimeOffset now)
    {
        if (schedule.Time.Previous(now) is not { } moment) return null;
        (Guid, string) key = (volume.Id, schedule.Name);
        if (!_handled.TryGetValue(key, out DateTimeOffset handled))
        {
            DateTimeOffset? newest = volume.Snapshots.Select(schedule.DueOf).Max();
            handled = newest ?? now;
        }
        // Kept also when it fails: one complaint for each point in time, not one a minute.
        _handled[key] = moment > handled ? moment : handled;
        bool isThere = volume.Snapshots.Contains(schedule.NameAt(moment));
        return moment > handled && !isThere ? moment : null;
    }

    private async Task TakeAsync(string pool, string[] volumes, string snapshot)
    {
        Outcome<ActionReport> taken = await keeper.TakeAsync(pool, volumes, snapshot);
        if (taken.IsOk) return;
        if (volumes.Length == 1)
        {
            NotTaken($"{pool}/{volumes[0]}", snapshot, taken.Fault.ToString());
            return;
        }
        // One that cannot must not keep the others from it.
        foreach (string volume in volumes) await TakeAsync(pool, [volume], snapshot);
    }

    private async Task ThinOutAsync(ScheduledVolume volume, SnapshotSchedule schedule, bool isNew)
    {
        string[] ours = [.. volume.Snapshots.Where(name => schedule.DueOf(name) is not null)];
        int surplus = ours.Length + (isNew ? 1 : 0) - schedule.Keep;
        foreach (string name in ours.OrderBy(schedule.DueOf).Take(Math.Max(0, surplus)))
        {
            if (volume.Kept.Contains(name)) continue;
            Outcome<ActionReport> gone = await keeper.DestroyAsync(volume.Pool, volume.Volume, name);
            if (!gone.IsOk) NotDestroyed($"{volume.Pool}/{volume.Volume}", name, gone.Fault.ToString());
        }
    }

    /// <summary>What is gone may come back, as something new.</summary>
    private void ForgetAllBut(List<(ScheduledVolume Volume, SnapshotSchedule Schedule)> all)
    {
        HashSet<(Guid, string)> there = [.. all.Select(each => (each.Volume.Id, each.Schedule.Name))];
        foreach ((Guid, string) key in _handled.Keys.Where(key => !there.Contains(key)).ToArray())
        {
            _handled.Remove(key);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Volume}: its snapshot {Name} was not taken: {Reason}")]
    private partial void NotTaken(string volume, string name, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "{Volume}: its snapshot {Name} could not be destroyed: {Reason}")]
    private partial void NotDestroyed(string volume, string name, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Volume}: its schedule is not understood: {Reason}")]
    private partial void NotUnderstood(string volume, string reason);
}
