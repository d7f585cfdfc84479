using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
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
internal sealed class VolumeReader(Volume volume, PoolCore pool) : IDisposable
{
    private const int Attempts = 4;

    private readonly Stack<ReadPlan> _freePlans = [];
    private readonly Stack<ExtentRead> _freeReads = [];
    private readonly ReadAhead _ahead = new(volume, pool);

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
        plan.Stream = IsPassing ? null : _ahead.Note(firstBlock, count);
        if (plan.Stream is not null) plan.Stream.AwaitedBlocks += count;
        plan.Begin();
        ValueTask<IoStatus> finding = FindPointersAsync(plan);
        long began = finding.IsCompleted ? 0 : volume.NowNanoseconds;
        IoStatus status = await finding;
        if (began != 0) volume.Times.Add(IoStage.Lookup, volume.NowNanoseconds - began);
        ulong version = volume.AtomicVersion;
        if (status == IoStatus.Ok)
        {
            ServeFromMemory(plan);
            StartReads(plan);
            if (plan.Stream is not null) _ahead.Advance(plan.Stream);
        }

        plan.EndPart();
        ValueTask<IoStatus> reading = plan.Task;
        began = reading.IsCompleted ? 0 : volume.NowNanoseconds;
        await reading;
        if (began != 0)
        {
            long ended = plan.EndedNanoseconds != 0 ? plan.EndedNanoseconds : volume.NowNanoseconds;
            volume.Times.Add(IoStage.DeviceRead, ended - began);
        }

        if (plan.Stream is not null) plan.Stream.AwaitedBlocks -= count;
        if (plan.IsMemoryLost && status == IoStatus.Ok) status = IoStatus.DeviceTimeout;
        for (int i = 0; i < plan.Failed.Count && status == IoStatus.Ok; i++)
            status = await ReadAgainAsync(plan, plan.Failed[i]);
        // Blocks that became visible together are looked up together.
        bool isStale = plan.Failed.Count > 0 && count > 1 && volume.AtomicVersion != version;
        plan.LayOver(status);
        _freePlans.Push(plan);
        return isStale && status == IoStatus.Ok ? await ReadBlocksAsync(firstBlock, count, into) : status;
    }

    /// <summary>Reads ahead what is not in memory.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    internal async ValueTask<IoStatus> FetchAsync(AheadChunk chunk)
    {
        ReadPlan plan = chunk.Plan;
        volume.RequestsUnderWay++;
        plan.Begin();
        IoStatus status = await FindPointersAsync(plan);
        if (status == IoStatus.Ok && LacksAny(plan))
        {
            int bytes = plan.Count << plan.BlockShift;
            chunk.Buffer = pool.Loop.Buffers.TryRent(bytes);
            if (chunk.Buffer is null) status = IoStatus.NoMemory;
            else plan.Into = chunk.Buffer.First(bytes);
            if (chunk.Buffer is not null) StartReads(plan);
        }

        plan.EndPart();
        await plan.Task;
        volume.RequestsUnderWay--;
        return plan.IsMemoryLost ? IoStatus.DeviceTimeout : status;
    }

    public void Dispose() => _ahead.Dispose();

    internal bool TryDecompress(in BlockPointer pointer, IoSlice stored, IoSlice into) =>
        pool.Reader.TryDecompress(pointer, stored, into);

    /// <param name="read">May be used again.</param>
    /// <param name="began">When its verification began; 0 if nobody waited for it.</param>
    /// <returns>When it ended, or 0 again.</returns>
    internal long ReadEnded(ExtentRead read, long began)
    {
        _freeReads.Push(read);
        if (began == 0) return 0;
        long now = volume.NowNanoseconds;
        volume.Times.Add(IoStage.Verify, now - began);
        return now;
    }

    internal long NowNanoseconds => volume.NowNanoseconds;

    /// <summary>A block was read from a device and verified, and somebody asked for it.</summary>
    /// <param name="plan">What was asked for.</param>
    /// <param name="index">The block.</param>
    /// <param name="wasCheap">It came with a long read.</param>
    internal void Keep(ReadPlan plan, int index, bool wasCheap)
    {
        if (volume.CachePolicy != CachePolicy.All) return;
        ref BlockPointer pointer = ref plan.Pointers[index];
        Span<byte> contents = plan.BlockSlice(index).Span;
        if (wasCheap && plan.Stream is not null) pool.Cache.InsertScanned(pointer, contents);
        else pool.Cache.InsertData(pointer, contents);
    }

    private bool IsPassing => volume.CachePolicy == CachePolicy.None;

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> FindPointersAsync(ReadPlan plan)
    {
        ulong version = volume.AtomicVersion;
        for (int i = 0; i < plan.Count;)
        {
            ulong block = plan.FirstBlock + (ulong)i;
            if (volume.TryFind(block, out plan.Pointers[i]))
            {
                // What is read ahead is laid under whatever lies over it when somebody asks for it.
                if (!plan.IsAhead && volume.Parts.Find(block) is { } parts) plan.SetOver(i, parts);
                i++;
                continue;
            }

            IoStatus status = await pool.Trees.LoadAsync(plan.Pointers[i], IsPassing);
            if (status != IoStatus.Ok) return status;
            if (volume.AtomicVersion == version) continue;
            version = volume.AtomicVersion;
            i = 0;
        }

        return IoStatus.Ok;
    }

    // What is a hole or cached is found there by whoever comes to read it.
    private bool LacksAny(ReadPlan plan)
    {
        bool isCached = volume.CachePolicy == CachePolicy.All;
        bool lacks = false;
        for (int i = 0; i < plan.Count; i++)
        {
            ref BlockPointer pointer = ref plan.Pointers[i];
            plan.IsServed[i] = pointer.IsHole || (isCached && pool.Cache.Contains(pointer));
            lacks |= !plan.IsServed[i];
        }

        return lacks;
    }

    private void ServeFromMemory(ReadPlan plan)
    {
        bool isCached = volume.CachePolicy == CachePolicy.All;
        bool isScan = plan.Stream is not null;
        for (int i = 0; i < plan.Count; i++)
        {
            ref BlockPointer pointer = ref plan.Pointers[i];
            plan.IsServed[i] = true;
            if (pointer.IsHole)
            {
                plan.BlockSlice(i).Span.Clear();
                continue;
            }

            if (isCached && pool.Cache.TryReadData(pointer, plan.BlockSlice(i).Span, isScan)) continue;
            if (isCached) pool.Cache.NoteDataMiss();
            plan.IsServed[i] = plan.Stream is not null && _ahead.TryServe(plan.Stream, plan, i);
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
