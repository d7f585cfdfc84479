using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Reads of one volume: finds the blocks' pointers, reads adjoining ones with one device read, verifies
/// every block and goes the long way round (other copies, repair) only for those that fail.
/// </summary>
/// <remarks>
/// A read takes no lock. Between finding a pointer and reading it, the block may be overwritten and its old
/// place freed, checkpointed and reused; then the checksum fails, and looking the pointer up again shows
/// why.
/// </remarks>
internal sealed class VolumeReader(Volume volume, PoolCore pool)
{
    private const int Attempts = 4;

    private readonly Stack<ReadPlan> _freePlans = [];
    private readonly Stack<ExtentRead> _freeReads = [];

    /// <summary>
    /// Reads any range of whole bytes; aligned whole blocks without a copy. After DeviceTimeout the caller
    /// may repeat it, in other memory (see <see cref="IoStatus.DeviceTimeout"/>).
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        int blockMask = volume.BlockSizeBytes - 1;
        bool whole = ((offsetBytes | (long)into.LengthBytes) & blockMask) == 0
            && (into.Address & (Layout.SectorBytes - 1)) == 0;
        int chunkBytes = Math.Min(ReadPlan.MaximumBlocks << volume.BlockShift, 1 << 20);
        IoStatus status = IoStatus.Ok;
        volume.RequestsUnderWay++;
        for (int done = 0; done < into.LengthBytes && status == IoStatus.Ok;)
        {
            long offset = offsetBytes + done;
            int room = chunkBytes - (int)(offset & blockMask);
            int length = Math.Min(into.LengthBytes - done, room);
            IoSlice part = into.Slice(done, length);
            status = whole
                ? await ReadBlocksAsync((ulong)(offset >> volume.BlockShift), length >> volume.BlockShift,
                    part)
                : await ReadThroughBufferAsync(offset, part);
            done += length;
        }

        volume.RequestsUnderWay--;
        return status;
    }

    /// <summary>Reads whole blocks into aligned memory.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadBlocksAsync(ulong firstBlock, int count, IoSlice into)
    {
        if (!_freePlans.TryPop(out ReadPlan? plan)) plan = new ReadPlan();
        plan.FirstBlock = firstBlock;
        plan.Count = count;
        plan.Into = into;
        plan.BlockShift = volume.BlockShift;
        plan.Begin();
        IoStatus status = IoStatus.Ok;
        for (int i = 0; i < count && status == IoStatus.Ok; i++)
        {
            if (volume.TryFind(firstBlock + (ulong)i, out plan.Pointers[i]))
            {
                if (volume.Parts.Find(firstBlock + (ulong)i) is { } parts) plan.SetOver(i, parts);
                continue;
            }

            status = await pool.Trees.LoadAsync(plan.Pointers[i], IsPassing);
            i--;
        }

        if (status == IoStatus.Ok)
        {
            ServeFromMemory(plan);
            StartReads(plan);
        }

        plan.EndPart();
        await plan.Task;
        if (plan.IsMemoryLost && status == IoStatus.Ok) status = IoStatus.DeviceTimeout;
        for (int i = 0; i < plan.Failed.Count && status == IoStatus.Ok; i++)
            status = await ReadAgainAsync(plan, plan.Failed[i]);
        plan.LayOver(status);
        _freePlans.Push(plan);
        return status;
    }

    internal bool TryDecompress(in BlockPointer pointer, IoSlice stored, IoSlice into) =>
        pool.Reader.TryDecompress(pointer, stored, into);

    internal void ReadEnded(ExtentRead read) => _freeReads.Push(read);

    /// <summary>A block was read from a device and verified.</summary>
    internal void Keep(ReadPlan plan, int index)
    {
        if (volume.CachePolicy == CachePolicy.All)
            pool.Cache.InsertData(plan.Pointers[index], plan.BlockSlice(index).Span);
    }

    private bool IsPassing => volume.CachePolicy == CachePolicy.None;

    private void ServeFromMemory(ReadPlan plan)
    {
        bool isCached = volume.CachePolicy == CachePolicy.All;
        for (int i = 0; i < plan.Count; i++)
        {
            ref BlockPointer pointer = ref plan.Pointers[i];
            plan.IsServed[i] = true;
            if (pointer.IsHole)
            {
                plan.BlockSlice(i).Span.Clear();
            }
            else if (!isCached || !pool.Cache.TryReadData(pointer, plan.BlockSlice(i).Span, isScan: false))
            {
                plan.IsServed[i] = false;
                if (isCached) pool.Cache.NoteDataMiss();
            }
        }
    }

    private void StartReads(ReadPlan plan)
    {
        for (int i = 0; i < plan.Count;)
        {
            ref BlockPointer pointer = ref plan.Pointers[i];
            int run = 1;
            if (plan.IsServed[i])
            {
            }
            else if (pointer.Compression == CompressionKind.Off)
            {
                ulong end = pointer.Place0.Packed + pointer.AllocatedSectors;
                while (i + run < plan.Count && !plan.IsServed[i + run]
                    && IsPlainAt(plan.Pointers[i + run], end))
                    end += plan.Pointers[i + run++].AllocatedSectors;
                bool isStriped = pool.Devices.Geometry(pointer.Place0.Vdev).Parity > 0;
                RentRead().StartPlain(pool.Devices, plan, i, run, isStriped);
            }
            else if (pool.Loop.Buffers.TryRent(pointer.PhysicalSectors << Layout.SectorShift) is { } stored)
            {
                RentRead().StartCompressed(pool.Devices, plan, i, stored);
            }
            else
            {
                plan.Failed.Add(i);
            }

            i += run;
        }
    }

    private static bool IsPlainAt(in BlockPointer pointer, ulong place) =>
        pointer.Compression == CompressionKind.Off && pointer.Place0.Packed == place;

    private async ValueTask<IoStatus> ReadAgainAsync(ReadPlan plan, int index)
    {
        ulong block = plan.FirstBlock + (ulong)index;
        BlockPointer failed = plan.Pointers[index];
        IoStatus status = IoStatus.ChecksumMismatch;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (!volume.TryFind(block, out BlockPointer pointer))
            {
                status = await pool.Trees.LoadAsync(pointer, IsPassing);
                if (status != IoStatus.Ok) return status;
                continue;
            }

            plan.SetOver(index, volume.Parts.Find(block));
            if (pointer.IsHole)
            {
                plan.BlockSlice(index).Span.Clear();
                return IoStatus.Ok;
            }

            status = await pool.Reader.ReadAsync(pointer, plan.BlockSlice(index), DamageKind.Data);
            if (status == IoStatus.Ok) return status;
            if (volume.TryFind(block, out BlockPointer now) && now == pointer) break;
        }

        PoolLog.BlockLost(pool.Logger, volume.Name, block, failed.Place0.ToString(), status);
        return status;
    }

    private async ValueTask<IoStatus> ReadThroughBufferAsync(long offsetBytes, IoSlice into)
    {
        long from = offsetBytes & -volume.BlockSizeBytes;
        long end = (offsetBytes + into.LengthBytes + volume.BlockSizeBytes - 1) & -volume.BlockSizeBytes;
        IoStatus status = IoStatus.DeviceTimeout;
        for (int i = 0; i < BlockReader.Attempts && status == IoStatus.DeviceTimeout; i++)
        {
            IoBuffer? buffer = pool.Loop.Buffers.TryRent((int)(end - from));
            if (buffer is null) return IoStatus.NoMemory;
            status = await ReadBlocksAsync(
                (ulong)(from >> volume.BlockShift), (int)((end - from) >> volume.BlockShift),
                    buffer.First((int)(end - from)));
            if (status == IoStatus.Ok)
                buffer.Span.Slice((int)(offsetBytes - from), into.LengthBytes).CopyTo(into.Span);
            buffer.Release();
        }

        return status;
    }

    private ExtentRead RentRead() => _freeReads.TryPop(out ExtentRead? read) ? read : new ExtentRead(this);
}
