// Looks at every copy of every block, columns and parity included. On vdevs without parity a run of
// adjoining blocks is read from each device at once and verified in memory; only what is wrong there, and
// every block of a raidz, is examined by itself (see Vdev.ExamineAsync), which repairs it.
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Scrub;

internal sealed class ScrubWork(PoolCore pool, ScanLog log) : IScanWork
{
    private ScanCounters _counters;

    public ref ScanCounters Counters => ref _counters;

    public ulong MinimumBirth => 0;

    public ulong StartEpoch { get; set; }

    public bool IsSelective => false;

    public bool IsWanted(BlockPlace place, in BlockPointer pointer) => true;

    public void OnUnreadable(string what, IoStatus status)
    {
        _counters.LostBlocks++;
        log.Lost(what, status);
    }

    public async ValueTask ProcessAsync(ReadOnlyMemory<ScanItem> run)
    {
        int vdev = run.Span[0].Place.Vdev;
        if (pool.Devices.Geometry(vdev).Parity == 0)
        {
            bool[] isSuspect = new bool[run.Length];
            PoolDevice[] devices = pool.Devices.Tree.Vdevs[vdev].Devices;
            foreach (PoolDevice device in devices)
                if (device.IsCurrent)
                    await ReadRunAsync(device, run, isSuspect);
            for (int i = 0; i < isSuspect.Length; i++)
                if (isSuspect[i])
                    await ExamineAsync(run.Span[i]);
        }
        else
        {
            for (int i = 0; i < run.Length; i++) await ExamineAsync(run.Span[i]);
        }

        foreach (ScanItem item in run.Span) _counters.ExaminedBytes += AllocatedBytes(item);
    }

    private async ValueTask ReadRunAsync(PoolDevice device, ReadOnlyMemory<ScanItem> run, bool[] isSuspect)
    {
        int bytes = 0;
        foreach (ScanItem item in run.Span) bytes += item.PhysicalBytes;
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(bytes);
        if (buffer is null)
        {
            Array.Fill(isSuspect, true);
            return;
        }

        long offsetBytes = PoolDevice.OffsetOf(run.Span[0].Place.Sector);
        IoStatus status = await device.ReadAsync(offsetBytes, buffer.First(bytes));
        _counters.IssuedBytes += bytes;
        for (int i = 0, at = 0; i < run.Length; i++)
        {
            ScanItem item = run.Span[i];
            IoSlice stored = buffer.Slice.Slice(at, item.PhysicalBytes);
            isSuspect[i] |= status != IoStatus.Ok || !BlockReader.Matches(item.Pointer, stored);
            at += item.PhysicalBytes;
        }

        buffer.Release();
    }

    private async ValueTask ExamineAsync(ScanItem item)
    {
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(item.PhysicalBytes);
        if (buffer is null)
        {
            OnUnreadable($"block at {item.Place}", IoStatus.NoMemory);
            return;
        }

        BlockPointer pointer = item.Pointer;
        IoSlice into = buffer.First(item.PhysicalBytes);
        Examination found = await pool.Devices.ExamineAsync(
            item.Place, into, contents => BlockReader.Matches(pointer, contents), ExamineMode.Repair);
        _counters.IssuedBytes += AllocatedBytes(item);
        if (found.BadParts > 0) Note(item, found);
        if (found.Status == IoStatus.Ok && found.RepairedParts > 0) _counters.RepairedBlocks++;
        if (found.Status != IoStatus.Ok) await RecoverAsync(item, into, found.Status);
        buffer.Release();
    }

    private void Note(in ScanItem item, Examination found)
    {
        bool isRepaired = found.RepairedParts == found.BadParts;
        pool.Damage.Note(item.Kind, $"{item.Place} on {found.Where}", isRepaired);
        log.Repaired(item.Place, found);
    }

    // This place gives nothing; metadata has another, from which this one is written anew.
    private async ValueTask RecoverAsync(ScanItem item, IoSlice into, IoStatus status)
    {
        if (item.Pointer.CopyCount > 1)
            status = await pool.Reader.RecoverAsync(item.Pointer, into, item.Kind);
        if (status == IoStatus.Ok && item.Pointer.CopyCount > 1) _counters.RepairedBlocks++;
        else OnUnreadable($"block at {item.Place}", status);
    }

    private long AllocatedBytes(in ScanItem item) =>
        (long)pool.Devices.Geometry(item.Place.Vdev).AllocatedSectors(item.Pointer.PhysicalSectors)
        << Layout.SectorShift;
}
