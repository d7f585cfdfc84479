using Cstor.Engine.Blocks;
using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.Engine.Scrub;
using Cstor.Engine.Space;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Pools;

/// <summary>
/// What the parts of an open pool share. It belongs to one loop; each field has one part that changes it,
/// and everything else reads.
/// </summary>
internal sealed class PoolCore
{
    private const long DrainPauseNanoseconds = 1_000_000;

    public PoolCore(
        ILoop loop, ILogger logger, PoolDevices devices, PoolOptions options, ReadCache cache)
    {
        Loop = loop;
        Logger = logger;
        Devices = devices;
        Options = options;
        devices.Watch.Deadlines = DeviceDeadlines.Of(options.DeviceDeadline, options.DeviceFlushDeadline);
        Allocator = new SpaceAllocator { IsUsable = devices.Stands };
        for (int i = 0; i < devices.VdevCount; i++) Allocator.AddVdev(devices.Geometry(i), devices.Role(i));
        Ledger = new SpaceLedger(loop, Allocator);
        Allocator.MakeRoom = Ledger.ReleaseHeld;
        Cache = cache.Open();
        Damage = new DamageLog();
        Reader = new BlockReader(loop, devices, Ledger, Damage);
        Writer = new BlockWriter(loop, devices, Allocator);
        Pace = new CheckpointPace(options.ScanIdleAfter.Ticks * 100);
        Metadata = new MetadataWriter(loop, devices, Allocator, Ledger, Cache, Pace);
        Trees = new TreeReader(loop, Reader, Metadata, Cache);
        SpaceMap = new SpaceMap(loop, Ledger, Allocator, Trees, Reader);
        WriteBack = new WriteBack(this);
        Guarantees = new SpaceGuarantees(this);
        Warnings = new SpaceWarnings(this);
    }

    public ILoop Loop { get; }

    public ILogger Logger { get; }

    public PoolDevices Devices { get; }

    public PoolOptions Options { get; }

    public SpaceAllocator Allocator { get; }

    public SpaceLedger Ledger { get; }

    public CacheShare Cache { get; }

    public DamageLog Damage { get; }

    public BlockReader Reader { get; }

    public BlockWriter Writer { get; }

    public CheckpointPace Pace { get; }

    public MetadataWriter Metadata { get; }

    public TreeReader Trees { get; }

    public SpaceMap SpaceMap { get; }

    public WriteBack WriteBack { get; }

    public SpaceGuarantees Guarantees { get; }

    public SpaceWarnings Warnings { get; }

    /// <summary>Null on a pool imported read-only.</summary>
    public CommitLog? Log { get; set; }

    /// <summary>Birth epoch of what becomes visible now; see <see cref="Pools.Checkpoint"/>.</summary>
    public ulong Epoch { get; set; } = 1;

    /// <summary>Newest durable checkpoint.</summary>
    public ulong Checkpoint { get; set; }

    /// <summary>Volumes and snapshots by slot of the dataset table; null where a slot is free.</summary>
    public List<Dataset?> Slots { get; } = [];

    /// <summary>The durable dataset table.</summary>
    public TreeRoot DatasetTree { get; set; } = TreeRoot.Empty;

    /// <summary>Datasets that the next checkpoint writes, or more.</summary>
    public int ChangedDatasets { get; set; }

    /// <summary>Weight of everything that awaits a checkpoint, in point entries.</summary>
    public long PendingCount { get; set; }

    /// <summary>Reads and changes of volumes since import: what work in the background yields to.</summary>
    public long ForegroundRequests { get; set; }

    /// <summary>The newest scrub and resilver.</summary>
    public ScanHistory Scans { get; } = new();

    /// <summary>Anything but Ok: a metadata write failed and the pool stopped rather than guess.</summary>
    public IoStatus Stopped { get; private set; }

    /// <summary>Why, in words.</summary>
    public string StopReason { get; private set; } = "";

    public bool IsReadOnly => Log is null;

    /// <summary>Told when there is more to checkpoint.</summary>
    public Action Dirtied { get; set; } = static () => { };

    /// <summary>Refuses everything that changes the pool from now on.</summary>
    public void Stop(string reason)
    {
        if (Stopped != IoStatus.Ok) return;
        Stopped = IoStatus.PoolStopped;
        StopReason = reason;
        PoolLog.Stopped(Logger, Devices.PoolName, reason);
    }

    /// <summary>Closes the devices and returns all memory. Nobody uses the pool any more.</summary>
    public async ValueTask CloseAsync()
    {
        while (Log is { IsIdle: false } || Ledger.IsReleasing) await Loop.DelayAsync(DrainPauseNanoseconds);
        await Devices.CloseAsync();
        WriteBack.Dispose();
        Log?.Close();
        Cache.Close();
        Reader.Dispose();
        SpaceMap.Dispose();
        Ledger.Dispose();
        Allocator.Dispose();
        foreach (Dataset? dataset in Slots) dataset?.Dispose();
    }
}
