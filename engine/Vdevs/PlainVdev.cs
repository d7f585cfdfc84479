using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A disk or a mirror: every device holds everything at the same sector. A read goes to one device, to the
/// others only if that one fails.
/// </summary>
internal sealed class PlainVdev(VdevConfig config, VdevSlot[] slots, ILoop loop, Membership membership)
    : Vdev(config, slots, loop, membership)
{
    private readonly Stack<PlainRead> _idleReads = new(64);

    public override ValueTask<IoStatus> ReadAsync(long sector, IoSlice into) =>
        Devices.Length == 1
            ? Devices[0].ReadAsync(PoolDevice.OffsetOf(sector), into)
            : ReadAsync(sector, [into]);

    public override ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into)
    {
        if (Devices.Length == 1) return Devices[0].ReadAsync(PoolDevice.OffsetOf(sector), into);
        PlainRead read = _idleReads.TryPop(out PlainRead? idle) ? idle : new PlainRead(this);
        return read.Start(sector, into);
    }

    public override ValueTask<IoStatus> ReadRawAsync(long sector, IoSlice into) => ReadAsync(sector, into);

    public override ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> blocks)
    {
        if (Devices.Length == 1 && Role == VdevRole.Data)
            return Devices[0].WriteAsync(PoolDevice.OffsetOf(sector), blocks);
        VdevWrite write = RentWrite();
        write.Begin("failed a write");
        for (int i = 0; i < write.Devices.Length; i++)
            if (write.Devices[i].IsWritable)
                write.Write(i, PoolDevice.OffsetOf(sector), blocks);
        return write.EndAsync();
    }

    public override ValueTask<IoStatus> RebuildAsync(long sector, ReadOnlySpan<IoSlice> blocks)
    {
        VdevWrite write = RentWrite();
        write.Begin("failed to be brought up to date");
        for (int i = 0; i < write.Devices.Length; i++)
            if (write.Devices[i].IsRebuilding)
                write.Write(i, PoolDevice.OffsetOf(sector), blocks);
        return write.EndAsync();
    }

    public override ValueTask<IoStatus> FlushAsync() =>
        Devices.Length == 1 && Role == VdevRole.Data ? Devices[0].FlushAsync() : base.FlushAsync();

    // A device that does not take it still holds what it held.
    public override async ValueTask<IoStatus> DiscardAsync(long sector, int sectors)
    {
        IoBatch discards = new();
        PoolDevice[] devices = Devices;
        foreach (PoolDevice device in devices)
        {
            if (device.IsWritable)
                discards.Add(
                    device.DiscardAsync(PoolDevice.OffsetOf(sector), (long)sectors << Layout.SectorShift));
            else discards.Add(new ValueTask<IoStatus>(IoStatus.NotSupported));
        }

        IoStatus result = IoStatus.NotSupported;
        foreach (IoStatus status in await discards.NextAsync(devices.Length))
        {
            if (status == IoStatus.Ok || result == IoStatus.NotSupported) result = status;
        }

        return result;
    }

    public override async ValueTask<Examination> ExamineAsync(
        long sector, IoSlice into, Func<IoSlice, bool> isRight, ExamineMode mode)
    {
        PoolDevice[] devices = [.. Devices.Where(device => device.IsReadable)];
        CopyFinding[] findings = new CopyFinding[devices.Length];
        int good = -1;
        // What a device in use would say that cannot be asked now is not known: nothing is called lost then.
        IoStatus unknown = Array.Exists(Devices, device => device.IsCurrent && !device.IsReadable)
            ? IoStatus.DeviceTimeout
            : IoStatus.Ok;
        // Those in use first: what the others have counts only if none of these has it.
        for (int pass = 0; pass < 2 && good < 0; pass++)
        {
            for (int i = 0; i < devices.Length; i++)
            {
                if (devices[i].IsCurrent != (pass == 0)) continue;
                IoBuffer? trial = Loop.Buffers.TryRent(into.LengthBytes);
                if (trial is null) return new Examination(IoStatus.NoMemory, 0, 0, "");
                IoSlice attempt = trial.First(into.LengthBytes);
                IoStatus status = await devices[i].ReadAsync(PoolDevice.OffsetOf(sector), attempt);
                bool isGood = status == IoStatus.Ok && isRight(attempt);
                if (pass == 0 && status is IoStatus.DeviceTimeout or IoStatus.DeviceGone) unknown = status;
                if (isGood && good < 0)
                {
                    attempt.Span.CopyTo(into.Span);
                    good = i;
                }

                trial.Release();
                findings[i] = isGood ? CopyFinding.Good
                    : status == IoStatus.Ok ? CopyFinding.Wrong : CopyFinding.Unreadable;
                if (findings[i] == CopyFinding.Wrong && pass == 0) devices[i].ChecksumErrors++;
            }
        }

        Examination result = await RepairAsync(sector, into, devices, findings, good >= 0, mode);
        return good < 0 && unknown != IoStatus.Ok ? result with { Status = unknown } : result;
    }

    /// <summary>
    /// The device to read from: one in use, the fewest requests in flight, among equals the one that was
    /// last near this place, which keeps a sequential reader on one device and spares a rotating one the
    /// way. A slow one only if there is no other.
    /// </summary>
    /// <returns>Its index, or -1 if all have been tried.</returns>
    public static int Choose(ReadOnlySpan<PoolDevice> devices, long sector, ReadOnlySpan<bool> tried)
    {
        int best = -1;
        long bestDistance = 0;
        long offsetBytes = PoolDevice.OffsetOf(sector);
        // One that lacks some blocks is asked only when there is none that has all.
        bool isStanding = false;
        foreach (PoolDevice device in devices) isStanding |= device.IsCurrent;
        for (int i = 0; i < devices.Length; i++)
        {
            PoolDevice device = devices[i];
            if (tried[i] || !device.IsReadable || (isStanding && !device.IsCurrent)) continue;
            long distance = Math.Abs(device.LastOffsetBytes - offsetBytes);
            if (best >= 0)
            {
                int order = Preference(device).CompareTo(Preference(devices[best]));
                if (order == 0) order = device.InFlight.CompareTo(devices[best].InFlight);
                if (order == 0) order = distance.CompareTo(bestDistance);
                if (order >= 0) continue;
            }

            best = i;
            bestDistance = distance;
        }

        return best;
    }

    internal void Recycle(PlainRead read) => _idleReads.Push(read);

    // 0: in use. 1: in use but slow. 2: lacks some blocks; the checksum tells which.
    private static int Preference(PoolDevice device) =>
        !device.IsCurrent ? 2 : device.IsAvoided ? 1 : 0;

    private static async ValueTask<Examination> RepairAsync(
        long sector,
        IoSlice good,
        PoolDevice[] devices,
        CopyFinding[] findings,
        bool isFound,
        ExamineMode mode)
    {
        int bad = 0;
        int repaired = 0;
        IoStatus failure = IoStatus.DeviceGone;
        List<string> where = [];
        for (int i = 0; i < devices.Length; i++)
        {
            PoolDevice device = devices[i];
            if (findings[i] == CopyFinding.Good) continue;
            if (findings[i] == CopyFinding.Wrong) failure = IoStatus.ChecksumMismatch;
            else if (findings[i] == CopyFinding.Unreadable && failure == IoStatus.DeviceGone)
                failure = IoStatus.DeviceError;
            bool isMember = device.IsCurrent && findings[i] != CopyFinding.Unread;
            if (isMember)
            {
                bad++;
                where.Add(device.Path);
            }

            bool isWanted = mode != ExamineMode.Verify && isMember;
            if (!isFound || !(isWanted || (mode == ExamineMode.RepairAll && device.IsRebuilding))) continue;
            // A failed repair leaves the device as it was, wrong in this block and right in all others.
            IoStatus status = await device.WriteAsync(PoolDevice.OffsetOf(sector), good);
            if (status != IoStatus.Ok || !isMember) continue;
            repaired++;
            device.RepairedParts++;
        }

        return new Examination(
            isFound ? IoStatus.Ok : failure, bad, repaired, string.Join(", ", where));
    }
}
