using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A plain device: a straight pass.</summary>
internal sealed class DiskVdev : Vdev
{
    private readonly PoolDevice _device;

    public DiskVdev(VdevConfig config, PoolDevice[] devices, Membership membership)
        : base(config, devices, membership)
    {
        Check.That(devices.Length == 1);
        _device = devices[0];
    }

    public override ValueTask<IoStatus> ReadAsync(long sector, IoSlice into) =>
        _device.ReadAsync(PoolDevice.OffsetOf(sector), into);

    public override ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into) =>
        _device.ReadAsync(PoolDevice.OffsetOf(sector), into);

    public override ValueTask<IoStatus> ReadCopyAsync(long sector, int copy, IoSlice into)
    {
        Check.That(copy == 0);
        return _device.ReadAsync(PoolDevice.OffsetOf(sector), into);
    }

    public override ValueTask<IoStatus> RepairCopyAsync(long sector, int copy, IoSlice good)
    {
        Check.That(copy == 0);
        return _device.WriteAsync(PoolDevice.OffsetOf(sector), good);
    }

    public override ValueTask<IoStatus> WriteAsync(long sector, IoSlice from) =>
        _device.WriteAsync(PoolDevice.OffsetOf(sector), from);

    public override ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> from) =>
        _device.WriteAsync(PoolDevice.OffsetOf(sector), from);

    public override ValueTask<IoStatus> FlushAsync() => _device.FlushAsync();

    public override void Flush(IRequestOwner owner, int tag) => _device.Flush(owner, tag);

    public override ValueTask<IoStatus> DiscardAsync(long sector, int sectors) =>
        _device.DiscardAsync(PoolDevice.OffsetOf(sector), (long)sectors << Layout.SectorShift);

    public override void NoteChecksumError(int copy) => _device.ChecksumErrors++;
}
