using Cstor.Engine.Host;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;

namespace Cstor.Engine.Pools;

/// <summary>
/// What every change of the datasets needs: whether the pool takes changes now, datasets by name, new slots
/// and identities, and the log record that makes the change durable before it is reported.
/// </summary>
internal sealed class DatasetChanges(PoolCore pool)
{
    private const int NameMaximumLength = 63;

    public PoolCore Pool => pool;

    /// <summary>Everything is refused from now on.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Why nothing can be changed now, or null.</summary>
    public Fault? Refusal()
    {
        if (IsClosed) return new Fault("pool-closing", $"pool '{pool.Devices.PoolName}' is being closed");
        if (pool.Stopped != IoStatus.Ok) return Stopped();
        return pool.IsReadOnly
            ? new Fault("pool-readonly", $"pool '{pool.Devices.PoolName}' is imported read-only",
                "Export and import it again")
            : null;
    }

    public Volume? FindVolume(string shortName)
    {
        foreach (Dataset? dataset in pool.Slots)
            if (dataset is Volume { IsClosed: false } volume && volume.ShortName == shortName)
                return volume;
        return null;
    }

    public Snapshot? FindSnapshot(Volume volume, string shortName)
    {
        foreach (Dataset? dataset in pool.Slots)
            if (dataset is Snapshot { IsClosed: false } snapshot
                && snapshot.Owner == volume && snapshot.ShortName == shortName)
                return snapshot;
        return null;
    }

    /// <summary>Finds a volume, or says that there is none.</summary>
    public Outcome<Volume> Volume(string shortName)
    {
        if (Refusal() is { } refusal) return refusal;
        return FindVolume(shortName) is { } volume ? volume : NoVolume(shortName);
    }

    public Fault NoVolume(string shortName) => new(
        "no-such-volume", $"there is no volume {pool.Devices.PoolName}/{shortName}",
        "List them with: cstor volume list");

    /// <summary>Finds a snapshot, or says that there is none.</summary>
    public Outcome<Snapshot> Snapshot(string volume, string shortName)
    {
        Outcome<Volume> owner = Volume(volume);
        if (owner.Fault is { } fault) return fault;
        if (FindSnapshot(owner.Value, shortName) is { } snapshot) return snapshot;
        return new Fault("no-such-snapshot",
            $"there is no snapshot {pool.Devices.PoolName}/{volume}@{shortName}",
            "List them with: cstor snapshot list");
    }

    /// <summary>The volume's snapshots, oldest first.</summary>
    public IReadOnlyList<Snapshot> SnapshotsOf(Volume volume) =>
    [
        .. pool.Slots.OfType<Snapshot>().Where(snapshot => !snapshot.IsClosed && snapshot.Owner == volume)
            .OrderBy(static snapshot => snapshot.Epoch),
    ];

    /// <summary>What was made of a snapshot, or goes on from it elsewhere, by name.</summary>
    public IReadOnlyList<string> ClonesOf(Snapshot snapshot) =>
    [
        .. pool.Slots
            .Where(other => other?.Previous == snapshot && other.LineOwner != snapshot.Owner
                && !other.LineOwner.IsClosed)
            .Select(static other => other!.LineOwner.Name).Order(StringComparer.Ordinal),
    ];

    /// <summary>A slot that is free now.</summary>
    public uint FreeSlot()
    {
        int slot = pool.Slots.IndexOf(null);
        return (uint)(slot < 0 ? pool.Slots.Count : slot);
    }

    public Guid NewId()
    {
        byte[] id = new byte[16];
        pool.Loop.FillRandom(id);
        return new Guid(id);
    }

    public long NowUnixNanoseconds => (pool.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    /// <summary>Logs a dataset's settings and waits until they are durable.</summary>
    public ValueTask<Fault?> LogSettingsAsync(Dataset dataset)
    {
        LogSettings(dataset);
        return CommitAsync();
    }

    /// <summary>Logs a dataset's settings in the step that changes them.</summary>
    public void LogSettings(Dataset dataset) =>
        pool.Log!.AppendDatasetPut(dataset.Slot, dataset.RecordNow());

    /// <summary>Waits until what was logged is durable.</summary>
    public async ValueTask<Fault?> CommitAsync()
    {
        pool.Guarantees.Refresh();
        pool.Warnings.Refresh();
        return await pool.Log!.CommitAsync() == IoStatus.Ok ? null : Stopped();
    }

    /// <summary>Why a name cannot be one, or null.</summary>
    public static Fault? CheckName(string name, string what)
    {
        bool isSnapshot = what == "snapshot";
        bool right = name.Length is > 0 and <= NameMaximumLength && char.IsAsciiLetterOrDigit(name[0])
            && name.All(
                c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' || (isSnapshot && c == ':'));
        string marks = isSnapshot ? "- _ . :" : "- _ .";
        return right ? null : new Fault(
            "bad-name", $"'{name}' is no {what} name",
            $"Use 1 to {NameMaximumLength} letters, digits and {marks} beginning with a letter or digit");
    }

    private Fault Stopped() => new(
        "pool-stopped", $"pool '{pool.Devices.PoolName}' has stopped: {pool.StopReason}",
        "Look at: cstor pool status; export it with -f, mend the devices and import it again");
}
