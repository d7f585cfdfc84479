// The newest scrub and the newest resilver, as they are shown and as they survive a restart. A checkpoint
// takes a copy when it begins: whatever a resilver had written up to there is flushed before that
// checkpoint's uberblock carries the copy, so a position on disk is never ahead of the devices.
//
// A resilver's position is worth nothing if a device it is for was away once more since, or if another came.
// So the copy names what it is for: the devices present and being brought up to date, and the generation of
// the labels, which grows whenever one of them comes or goes. If that changed since the freeze it is left
// out.
using System.Buffers.Binary;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Scrub;

internal sealed class ScanHistory
{
    private const int DeviceBytes = 16 + sizeof(ulong);

    private ScanRecord _scrub;
    private ScanRecord _resilver;
    private ScanRecord _frozenResilver;
    private ResilverTargets? _frozenTargets;

    public ref ScanRecord Scrub => ref _scrub;

    public ref ScanRecord Resilver => ref _resilver;

    /// <summary>What the resilver under way is for, or null.</summary>
    public ResilverTargets? Targets { get; set; }

    /// <summary>The scrub as of the checkpoint's freeze.</summary>
    public ScanRecord FrozenScrub { get; private set; }

    /// <summary>At import: the position of the resilver that was under way still counts.</summary>
    public bool CanResume { get; private set; }

    /// <summary>Takes over what a root says. Before anything is written.</summary>
    public void Load(in Uberblock root, PoolDevices devices)
    {
        _scrub = root.Scrub;
        _resilver = root.Resilver;
        if (_resilver.State != ScanState.Running) return;
        Hash128 known = _resilver.Targets;
        CanResume = known != default && (known == IdentityOf(devices, devices.Generation)
            || (devices.State == PoolState.Exported && known == IdentityOf(devices, devices.Generation - 1)));
    }

    /// <summary>A checkpoint begins.</summary>
    public void Freeze()
    {
        FrozenScrub = _scrub;
        _frozenResilver = _resilver;
        _frozenTargets = Targets;
    }

    /// <summary>
    /// The resilver as of the freeze, with the devices it is for if none came or went since.
    /// </summary>
    public ScanRecord FrozenResilver(PoolDevices devices)
    {
        ScanRecord record = _frozenResilver;
        bool isSure = record.State == ScanState.Running
            && _frozenTargets is not null && _frozenTargets.AreExactlyThoseOf(devices);
        record.Targets = isSure ? IdentityOf(devices, devices.Generation) : default;
        return record;
    }

    /// <summary>The one under way, else the one that ended last; null if there was none.</summary>
    public ScanStatus? Status(in ScanCounters underWay = default, long bytesPerSecond = 0)
    {
        bool isResilver = _resilver.State == ScanState.Running
            || (_scrub.State is not (ScanState.Running or ScanState.Paused)
                && _resilver.EndedUnixNanoseconds >= _scrub.EndedUnixNanoseconds);
        ScanRecord record = isResilver ? _resilver : _scrub;
        return record.State == ScanState.None
            ? null
            : Describe(isResilver ? "resilver" : "scrub", record, underWay, bytesPerSecond);
    }

    private static ScanStatus Describe(
        string kind, in ScanRecord record, in ScanCounters underWay, long bytesPerSecond)
    {
        bool isRunning = record.State == ScanState.Running;
        ScanCounters now = isRunning ? underWay : default;
        long examined = record.ExaminedBytes + now.ExaminedBytes;
        long total = Math.Max(record.TotalBytes, examined);
        TimeSpan? left = isRunning && bytesPerSecond > 0
            ? TimeSpan.FromSeconds((total - examined) / bytesPerSecond)
            : null;
        return new ScanStatus(
            kind,
            record.State.ToString().ToLowerInvariant(),
            Moment(record.StartedUnixNanoseconds),
            record.EndedUnixNanoseconds == 0 ? null : Moment(record.EndedUnixNanoseconds),
            examined,
            total,
            record.IssuedBytes + now.IssuedBytes,
            record.RepairedBlocks + now.RepairedBlocks,
            record.LostBlocks + now.LostBlocks,
            isRunning ? bytesPerSecond : 0,
            left);
    }

    private static DateTimeOffset Moment(long unixNanoseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(unixNanoseconds / 100);

    private static Hash128 IdentityOf(PoolDevices devices, ulong generation)
    {
        PoolDevice[] rebuilding =
        [
            .. devices.Tree.Vdevs.SelectMany(vdev => vdev.Devices).Where(device => device.IsRebuilding)
                .OrderBy(device => device.Guid),
        ];
        if (rebuilding.Length == 0) return default;
        byte[] bytes = new byte[sizeof(ulong) + (rebuilding.Length * DeviceBytes)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, generation);
        Span<byte> rest = bytes.AsSpan(sizeof(ulong));
        foreach (PoolDevice device in rebuilding)
        {
            bool isWritten = device.Guid.TryWriteBytes(rest);
            Check.That(isWritten);
            BinaryPrimitives.WriteUInt64LittleEndian(rest[16..], device.MissingFrom);
            rest = rest[DeviceBytes..];
        }

        return Xxh128.Compute(bytes);
    }
}
