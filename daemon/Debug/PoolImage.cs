using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;
using Cstor.Raid;

namespace Cstor.Daemon.Debug;

/// <summary>
/// A pool as it lies on some of its devices, read without an engine: labels say which vdev a device is,
/// places find their bytes, checksums decide which copy is good, and parity stands in for what is not.
/// Nothing is written or replayed.
/// </summary>
internal sealed class PoolImage : IDisposable
{
    private readonly List<DeviceFile> _devices = [];
    private readonly Dictionary<int, VdevImage> _vdevs = [];
    private readonly BlockCompressor _compressor = new();

    private PoolImage(PoolLabel label, Uberblock root)
    {
        Label = label;
        Root = root;
    }

    /// <summary>The newest label on the first device.</summary>
    public PoolLabel Label { get; }

    /// <summary>The newest valid root on any of the devices.</summary>
    public Uberblock Root { get; }

    /// <param name="paths">One device of the pool or more; places on others cannot be read.</param>
    public static Outcome<PoolImage> Open(IReadOnlyList<string> paths)
    {
        List<DeviceFile> devices = [];
        Outcome<PoolImage> image = Open(paths, devices);
        if (!image.IsOk) devices.ForEach(device => device.Dispose());
        return image;
    }

    public static byte[]? ReadLabel(DeviceFile device, int label)
    {
        long offset = LabelBlock.OffsetOf(device.SizeBytes, label) + Layout.LabelConfigOffset;
        Outcome<byte[]> block = device.Read(offset, Layout.LabelConfigBytes);
        return block.IsOk ? block.Value : null;
    }

    /// <summary>One of the uberblocks of a label's ring.</summary>
    public static byte[]? ReadUberblock(DeviceFile device, int label, int slot)
    {
        long ring = LabelBlock.OffsetOf(device.SizeBytes, label) + Layout.UberblockRingOffset;
        Outcome<byte[]> block = device.Read(
            ring + (slot * (long)Layout.UberblockBytes), Layout.UberblockBytes);
        return block.IsOk ? block.Value : null;
    }

    /// <summary>The vdev, or null if the label has none of that number.</summary>
    public VdevImage? Vdev(int vdev) => _vdevs.GetValueOrDefault(vdev);

    /// <summary>A block's logical bytes, from the first copy whose checksum holds.</summary>
    public Outcome<byte[]> ReadBlock(in BlockPointer pointer)
    {
        if (pointer.Validate() is { } reason)
        {
            return new Fault("pointer", $"the pointer is invalid: {reason}");
        }
        Outcome<byte[]> first = ReadCopy(pointer, pointer.Place0);
        return first.IsOk || pointer.Place1.IsNone ? first : ReadCopy(pointer, pointer.Place1);
    }

    public void Dispose()
    {
        foreach (DeviceFile device in _devices) device.Dispose();
        _compressor.Dispose();
    }

    private static Outcome<PoolImage> Open(IReadOnlyList<string> paths, List<DeviceFile> devices)
    {
        List<PoolLabel> labels = [];
        Uberblock newest = default;
        foreach (string path in paths)
        {
            Outcome<DeviceFile> device = DeviceFile.Open(path);
            if (!device.IsOk) return device.Fault;
            devices.Add(device.Value);
            if (NewestLabel(device.Value) is not { } label)
            {
                return new Fault(
                    "no-label", $"{path} has no whole label", "Look closer with: cstor debug label " + path);
            }
            if (labels.Count > 0 && labels[0].PoolGuid != label.PoolGuid)
            {
                return new Fault(
                    "other-pool", $"{path} belongs to another pool, {label.PoolName}", "Name devices of one");
            }
            labels.Add(label);
            if (NewestRoot(device.Value, label.PoolGuid) is { } root && root.Number > newest.Number)
            {
                newest = root;
            }
        }
        if (newest.Number == 0)
        {
            return new Fault(
                "no-root", "there is no valid uberblock", "Look closer with: cstor debug uberblock DEV");
        }
        PoolLabel config = labels.MaxBy(label => label.Generation)!;
        PoolImage image = new(config, newest);
        for (int i = 0; i < devices.Count; i++) image.Add(devices[i], labels[i].DeviceGuid);
        return image;
    }

    private void Add(DeviceFile device, Guid guid)
    {
        _devices.Add(device);
        foreach (VdevConfig vdev in Label.Vdevs)
        {
            if (vdev.Role == VdevRole.Spare || !IsKnown(vdev.Kind)) continue;
            if (!_vdevs.TryGetValue(vdev.Id, out VdevImage? known)) _vdevs[vdev.Id] = known = new(vdev);
            known.Add(device, guid);
        }
    }

    private static bool IsKnown(VdevKind kind) =>
        kind is VdevKind.Replacing or VdevKind.Spare || VdevGeometry.IsSupported(kind);

    private Outcome<byte[]> ReadCopy(BlockPointer pointer, BlockPlace place)
    {
        if (Vdev(place.Vdev) is not { } vdev)
        {
            return new Fault("vdev-absent", $"{place}: the label has no vdev {place.Vdev}");
        }
        int length = (int)pointer.PhysicalBytes;
        Outcome<byte[]> stored = vdev.Read(place.Sector, pointer.PhysicalSectors,
            bytes => BlockChecksum.Compute(pointer.ChecksumKind, bytes.AsSpan(0, length))
                == pointer.Checksum);
        if (!stored.IsOk) return stored;
        ReadOnlySpan<byte> physical = stored.Value.AsSpan(0, length);
        byte[] logical = new byte[pointer.LogicalBytes];
        if (pointer.Compression == CompressionKind.Off)
        {
            physical.CopyTo(logical);
            return logical;
        }
        return _compressor.TryDecompress(pointer.Compression, physical, logical)
            ? logical
            : new Fault("compression", $"{place}: the checksum holds, but the block does not decompress");
    }

    private static PoolLabel? NewestLabel(DeviceFile device)
    {
        PoolLabel? newest = null;
        for (int i = 0; i < Layout.LabelCount; i++)
        {
            if (ReadLabel(device, i) is not { } block) continue;
            _ = LabelBlock.Read(block, out PoolLabel? label, out _);
            if (label is not null && (newest is null || label.Generation > newest.Generation)) newest = label;
        }
        return newest;
    }

    private static Uberblock? NewestRoot(DeviceFile device, Guid pool)
    {
        Uberblock? newest = null;
        for (int i = 0; i < Layout.LabelCount * Layout.UberblockSlots; i++)
        {
            byte[]? sector = ReadUberblock(device, i / Layout.UberblockSlots, i % Layout.UberblockSlots);
            if (sector is null || Uberblock.TryRead(sector, out Uberblock root) is not null) continue;
            if (root.PoolGuid == pool && (newest is null || root.Number > newest.Value.Number)) newest = root;
        }
        return newest;
    }
}
