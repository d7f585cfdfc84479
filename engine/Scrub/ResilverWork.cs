// Gives devices what they lack. Adjoining blocks are read at once, the cheapest way that their vdev has, and
// verified; one that is wrong goes the long way round through every copy and combination; then all go to the
// devices that are being brought up to date, and to no others.
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Scrub;

internal sealed class ResilverWork(PoolCore pool, ScanLog log, ResilverTargets targets) : IScanWork
{
    private ScanCounters _counters;

    public ref ScanCounters Counters => ref _counters;

    public ulong MinimumBirth => targets.MinimumBirth;

    public ulong StartEpoch { get; set; }

    public bool IsSelective => true;

    public bool IsWanted(BlockPlace place, in BlockPointer pointer) =>
        targets.Lack(pool.Devices, place, pointer);

    // What was read and is wrong everywhere is wrong on the devices in use too: the new one lacks nothing
    // that they have. What only a device that is away may have is another matter.
    public void OnUnreadable(string what, IoStatus status)
    {
        if (status is IoStatus.ChecksumMismatch or IoStatus.DeviceError)
        {
            _counters.LostBlocks++;
            log.Lost(what, status);
        }
        else
        {
            _counters.AwayBlocks++;
        }
    }

    public async ValueTask ProcessAsync(ReadOnlyMemory<ScanItem> run)
    {
        IoSlice[] slices = new IoSlice[run.Length];
        int bytes = 0;
        foreach (ScanItem item in run.Span) bytes += item.PhysicalBytes;
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(bytes);
        if (buffer is null)
        {
            OnUnreadable($"block at {run.Span[0].Place}", IoStatus.NoMemory);
            return;
        }

        Cut(buffer, run.Span, slices);
        IoStatus status = await pool.Devices.ReadAsync(run.Span[0].Place, slices);
        _counters.IssuedBytes += bytes;
        if (status == IoStatus.DeviceTimeout)
        {
            // A device that hangs may still write to that memory, after it was verified too.
            buffer.Release();
            buffer = pool.Loop.Buffers.Rent(bytes);
            Cut(buffer, run.Span, slices);
        }

        int first = 0;
        for (int i = 0; i < slices.Length; i++)
        {
            ScanItem item = run.Span[i];
            if (status == IoStatus.Ok && BlockReader.Matches(item.Pointer, slices[i])) continue;
            IoStatus one = await pool.Reader.RecoverAsync(item.Pointer, slices[i], item.Kind);
            _counters.IssuedBytes += slices[i].LengthBytes;
            if (one == IoStatus.Ok) continue;
            OnUnreadable($"block at {item.Place}", one);
            await WriteAsync(run[first..i], slices.AsMemory(first, i - first));
            first = i + 1;
        }

        await WriteAsync(run[first..], slices.AsMemory(first));
        buffer.Release();
    }

    private static void Cut(IoBuffer buffer, ReadOnlySpan<ScanItem> run, IoSlice[] slices)
    {
        for (int i = 0, at = 0; i < slices.Length; i++)
        {
            slices[i] = buffer.Slice.Slice(at, run[i].PhysicalBytes);
            at += slices[i].LengthBytes;
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<ScanItem> run, ReadOnlyMemory<IoSlice> slices)
    {
        if (run.Length == 0) return;
        int vdev = run.Span[0].Place.Vdev;
        IoStatus status = await pool.Devices.RebuildAsync(run.Span[0].Place, slices.Span);
        if (status != IoStatus.Ok)
        {
            OnUnreadable($"block at {run.Span[0].Place}", IoStatus.DeviceGone);
            return;
        }

        _counters.RepairedBlocks += run.Length;
        int devices = 0;
        foreach (PoolDevice device in pool.Devices.Tree.Vdevs[vdev].Devices)
            if (device.IsRebuilding)
                devices++;
        foreach (ScanItem item in run.Span) _counters.IssuedBytes += devices * ColumnBytes(item);
    }

    private long ColumnBytes(in ScanItem item)
    {
        Raid.VdevGeometry geometry = pool.Devices.Geometry(item.Place.Vdev);
        int sectors = geometry.AllocatedSectors(item.Pointer.PhysicalSectors);
        return (long)((sectors + geometry.Width - 1) / geometry.Width) << Layout.SectorShift;
    }
}
