// Every child holds everything. A read goes to one child, to the others only if that one fails; whether the
// contents are right is for the caller to find out, who holds the checksum, and who then asks copy by copy. A
// write goes to every child in use and is good if one child that is still in use at the end has it; children
// that failed it are taken out (see Membership). So at any moment each child in use has every acknowledged
// write. If all fail, none is taken out and the caller learns of it.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

internal sealed class MirrorVdev : Vdev
{
    private readonly Stack<MirrorRead> _idleReads = new(64);
    private readonly Stack<MirrorWrite> _idleWrites = new(64);

    public MirrorVdev(VdevConfig config, PoolDevice[] devices, Membership membership)
        : base(config, devices, membership) => Check.That(config.Kind == VdevKind.Mirror);

    public override ValueTask<IoStatus> ReadAsync(long sector, IoSlice into) => ReadAsync(sector, [into]);

    public override ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into)
    {
        MirrorRead read = _idleReads.TryPop(out MirrorRead? idle) ? idle : new MirrorRead(this);
        return read.Start(sector, into);
    }

    public override ValueTask<IoStatus> ReadCopyAsync(long sector, int copy, IoSlice into)
    {
        PoolDevice device = Devices[copy];
        return device.IsCurrent
            ? device.ReadAsync(PoolDevice.OffsetOf(sector), into)
            : new ValueTask<IoStatus>(IoStatus.DeviceGone);
    }

    // A failed repair leaves the child as it was, wrong in this block and right in all others: it stays in
    // use.
    public override ValueTask<IoStatus> RepairCopyAsync(long sector, int copy, IoSlice good)
    {
        PoolDevice device = Devices[copy];
        return device.IsCurrent
            ? device.WriteAsync(PoolDevice.OffsetOf(sector), good)
            : new ValueTask<IoStatus>(IoStatus.DeviceGone);
    }

    public override ValueTask<IoStatus> WriteAsync(long sector, IoSlice from) => WriteAsync(sector, [from]);

    public override ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> from) =>
        RentWrite().Start(sector, from);

    public override ValueTask<IoStatus> FlushAsync() => RentWrite().StartFlush();

    public override void Flush(IRequestOwner owner, int tag) => RentWrite().StartFlush(owner, tag);

    // Advice, not a change: a child that does not take it still holds what it held.
    public override async ValueTask<IoStatus> DiscardAsync(long sector, int sectors)
    {
        IoBatch discards = new();
        foreach (PoolDevice device in Devices)
        {
            if (device.IsCurrent)
                discards.Add(
                    device.DiscardAsync(PoolDevice.OffsetOf(sector), (long)sectors << Layout.SectorShift));
            else discards.Add(new ValueTask<IoStatus>(IoStatus.NotSupported));
        }

        IoStatus result = IoStatus.NotSupported;
        foreach (IoStatus status in await discards.NextAsync(Devices.Length))
        {
            if (status == IoStatus.Ok || result == IoStatus.NotSupported) result = status;
        }

        return result;
    }

    public override void NoteChecksumError(int copy) => Devices[copy].ChecksumErrors++;

    /// <summary>
    /// The child to read from: the fewest requests in flight, among equals the one that was last near this
    /// place, which keeps a sequential reader on one child and spares a rotating one the way.
    /// </summary>
    /// <returns>Its index, or -1 if all children in use have been tried.</returns>
    public int Choose(long sector, ReadOnlySpan<bool> tried)
    {
        int best = -1;
        long bestDistance = 0;
        long offsetBytes = PoolDevice.OffsetOf(sector);
        for (int i = 0; i < Devices.Length; i++)
        {
            PoolDevice device = Devices[i];
            if (tried[i] || !device.IsCurrent) continue;
            long distance = Math.Abs(device.LastOffsetBytes - offsetBytes);
            if (best >= 0 && (device.InFlight > Devices[best].InFlight
                || (device.InFlight == Devices[best].InFlight && distance >= bestDistance))) continue;
            best = i;
            bestDistance = distance;
        }

        return best;
    }

    internal void Recycle(MirrorRead read) => _idleReads.Push(read);

    internal void Recycle(MirrorWrite write) => _idleWrites.Push(write);

    private MirrorWrite RentWrite() =>
        _idleWrites.TryPop(out MirrorWrite? idle) ? idle : new MirrorWrite(this);
}
