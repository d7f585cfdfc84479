// Roots in the rings of all labels of all devices in use. Checkpoint n takes slot n modulo the ring's size in
// each, so the newest one never overwrites the one before it.
//
// Quorum: a written root counts if on at least one vdev for data every device in use has it. Import never
// goes on without a device in use of each vdev for data, so it finds that root whichever devices
// it finds. A device that did not take the root is taken out of use, and the flush that follows is
// not acknowledged before the labels say so. A device has the root if two of its four copies were written;
// import reads all four.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Vdevs;

internal static class UberblockRings
{
    private const int CopiesThatCount = 2;
    private const int RingBytes = Layout.UberblockSlots * Layout.UberblockBytes;

    /// <summary>Writes a root to every device in use; not flushed.</summary>
    public static async ValueTask<IoStatus> WriteAsync(Vdev[] vdevs, IoSlice uberblock, ulong number)
    {
        PoolDevice[][] devices = [.. vdevs.Select(vdev => vdev.Devices)];
        IoBatch writes = new();
        foreach (PoolDevice device in devices.SelectMany(group => group))
        {
            if (device.IsWritable) writes.Add(WriteAsync(device, uberblock, number));
            // Not asked, so not to be judged: it may come back meanwhile.
            else writes.Add(new ValueTask<IoStatus>(IoStatus.Ok));
        }

        IoStatus result = IoStatus.DeviceGone;
        bool isSafe = false;
        for (int i = 0; i < vdevs.Length; i++)
        {
            IoStatus[] statuses = await writes.NextAsync(devices[i].Length);
            IoStatus settled = vdevs[i].Settle(devices[i], statuses, "failed to take a root");
            if (vdevs[i].Role != VdevRole.Data) continue;
            if (settled == IoStatus.Ok) isSafe = true;
            else result = settled;
        }

        return isSafe ? IoStatus.Ok : result;
    }

    /// <summary>
    /// Reads all rings of all devices in use. Roots of another pool are leftovers, not damage.
    /// </summary>
    public static async ValueTask<UberblockScan> ReadAsync(Vdev[] vdevs, Guid poolGuid, BufferPool buffers)
    {
        Dictionary<ulong, FoundUberblock> roots = [];
        List<string> damaged = [];
        List<(string Where, ulong[] Numbers)> rings = [];
        IoBuffer? buffer = buffers.TryRent(RingBytes);
        if (buffer is null) return new UberblockScan([], ["no memory to read the rings"], []);
        IEnumerable<PoolDevice> devices = vdevs.SelectMany(vdev => vdev.Devices);
        foreach (PoolDevice device in devices.Where(device => device.IsCurrent))
        {
            for (int label = 0; label < Layout.LabelCount; label++)
            {
                string where = $"{device.Path} label {label}";
                ulong[] numbers = new ulong[Layout.UberblockSlots];
                rings.Add((where, numbers));
                IoStatus status = await device.ReadAsync(OffsetOf(device, label, 0), buffer.First(RingBytes));
                if (status == IoStatus.Ok)
                    Judge(buffer.First(RingBytes).Span, poolGuid, where, numbers, roots, damaged);
                else damaged.Add($"{where}: ring cannot be read ({status})");
                if (status != IoStatus.DeviceTimeout) continue;
                // A device that hangs may still write there.
                buffer.Release();
                buffer = buffers.Rent(RingBytes);
            }
        }

        buffer.Release();
        FoundUberblock[] newestFirst =
        [
            .. roots.Values.OrderByDescending(found => found.Root.Number)
                .Select(found => found with { ExpectedCopies = rings.Count }),
        ];
        List<string> missing = [];
        if (newestFirst.Length != 0)
        {
            ulong newest = newestFirst[0].Root.Number;
            missing.AddRange(rings.Where(ring => ring.Numbers[newest % Layout.UberblockSlots] != newest)
                .Select(ring => ring.Where));
        }

        return new UberblockScan(newestFirst, damaged, missing);
    }

    /// <summary>
    /// Clears what a device that was used apart has of roots above the pool's own: they would win the next
    /// import.
    /// </summary>
    /// <param name="device">Not in use yet.</param>
    /// <param name="number">Highest root that the pool may be writing.</param>
    /// <param name="buffers">For the rings.</param>
    public static async ValueTask<IoStatus> ClearAboveAsync(
        PoolDevice device, ulong number, BufferPool buffers)
    {
        IoBuffer ring = buffers.Rent(RingBytes);
        IoBuffer zeroes = buffers.Rent(Layout.UberblockBytes);
        zeroes.Span.Clear();
        IoStatus status = IoStatus.Ok;
        for (int label = 0; label < Layout.LabelCount && status == IoStatus.Ok; label++)
        {
            status = await device.ReadAsync(OffsetOf(device, label, 0), ring.First(RingBytes));
            for (int slot = 0; slot < Layout.UberblockSlots && status == IoStatus.Ok; slot++)
            {
                Span<byte> sector = ring.Span.Slice(slot * Layout.UberblockBytes, Layout.UberblockBytes);
                bool isRoot = Uberblock.TryRead(sector, out Uberblock root) is null;
                if (!isRoot || root.Number <= number) continue;
                status = await device.WriteAsync(
                    OffsetOf(device, label, slot), zeroes.First(Layout.UberblockBytes));
            }
        }

        zeroes.Release();
        ring.Release();
        return status;
    }

    private static void Judge(
        ReadOnlySpan<byte> ring,
        Guid poolGuid,
        string where,
        ulong[] numbers,
        Dictionary<ulong, FoundUberblock> roots,
        List<string> damaged)
    {
        for (int slot = 0; slot < Layout.UberblockSlots; slot++)
        {
            ReadOnlySpan<byte> sector = ring.Slice(slot * Layout.UberblockBytes, Layout.UberblockBytes);
            if (!sector.ContainsAnyExcept((byte)0)) continue;
            string? reason = Uberblock.TryRead(sector, out Uberblock root);
            if (reason is null && root.PoolGuid != poolGuid) continue;
            if (reason is null && root.Number % Layout.UberblockSlots != (ulong)slot)
                reason = $"holds root {root.Number}";
            if (reason is not null)
            {
                damaged.Add($"{where} slot {slot}: {reason}");
                continue;
            }

            numbers[slot] = root.Number;
            int copies = roots.TryGetValue(root.Number, out FoundUberblock? found) ? found.WholeCopies : 0;
            roots[root.Number] = new FoundUberblock(root, copies + 1, 0);
        }
    }

    private static async ValueTask<IoStatus> WriteAsync(PoolDevice device, IoSlice uberblock, ulong number)
    {
        IoBatch writes = new();
        int slot = (int)(number % Layout.UberblockSlots);
        for (int label = 0; label < Layout.LabelCount; label++)
            writes.Add(device.WriteAsync(OffsetOf(device, label, slot), uberblock));
        int good = 0;
        IoStatus failure = IoStatus.Ok;
        foreach (IoStatus status in await writes.NextAsync(Layout.LabelCount))
        {
            if (status == IoStatus.Ok) good++;
            else failure = status;
        }

        return good >= CopiesThatCount ? IoStatus.Ok : failure;
    }

    private static long OffsetOf(PoolDevice device, int label, int slot) =>
        LabelBlock.OffsetOf(device.Disk.SizeBytes, label) + Layout.UberblockRingOffset
        + ((long)slot * Layout.UberblockBytes);
}
