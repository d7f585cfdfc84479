using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Writes of one volume: whole blocks go to new places as they are, parts of blocks wait in memory to be
/// merged into what is there (see <see cref="WriteBack"/>). A block's new pointer becomes visible, and its
/// log record is appended, in one step after its data was written.
/// </summary>
internal sealed class VolumeWriter(Volume volume, PoolCore pool) : IDisposable
{
    private readonly CompressedWriter _compressed = new(volume, pool);
    private AtomicWriter? _atomic;

    /// <summary>Writes of blocks that become visible together.</summary>
    public AtomicWriter Atomic => _atomic ??= new AtomicWriter(volume, pool, _compressed);

    /// <summary>Writes any range of whole units. The caller holds all touched blocks.</summary>
    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool isDurable)
    {
        bool isWhole = ((offsetBytes | (long)from.LengthBytes) & (volume.BlockSizeBytes - 1)) == 0;
        if (!isWhole) return WritePartialAsync(offsetBytes, from);
        ulong block = (ulong)(offsetBytes >> volume.BlockShift);
        return isDurable && pool.WriteBack.PrefersLog(from.LengthBytes)
            ? WriteLoggedAsync(block, from) : WriteBlocksAsync(block, from, null);
    }

    /// <summary>
    /// Makes one block of what it is and the parts that wait for it, and writes it.
    /// </summary>
    /// <returns>Aborted if something newer came meanwhile.</returns>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WriteBackAsync(WriteBackBlock parts)
    {
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(volume.BlockSizeBytes);
        if (buffer is null) return IoStatus.NoMemory;
        IoSlice whole = buffer.First(volume.BlockSizeBytes);
        IoStatus status = parts.IsWhole
            ? IoStatus.Ok : await volume.Reader.ReadBlocksAsync(parts.Block, 1, whole);
        if (status == IoStatus.Ok && parts.IsDropped) status = IoStatus.Aborted;
        if (status == IoStatus.Ok)
        {
            parts.CopyTo(whole.Span);
            status = await WriteBlocksAsync(parts.Block, whole, parts);
        }

        buffer.Release();
        return status;
    }

    // Blocks that are durable sooner in the log. They take the place there that parts have.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WriteLoggedAsync(ulong firstBlock, IoSlice from)
    {
        IoStatus status = IoStatus.Ok;
        for (int done = 0; done < from.LengthBytes && status == IoStatus.Ok; done += volume.BlockSizeBytes)
        {
            IoSlice block = from.Slice(done, volume.BlockSizeBytes);
            ulong index = firstBlock + (ulong)(done >> volume.BlockShift);
            if (pool.Writer.IsHeld) await volume.WaitWhileHeldAsync();
            if (ZeroBlock.IsZero(block.Span) || !pool.WriteBack.TryPut(volume, index, 0, block))
                status = await WriteBlocksAsync(index, block, null);
        }

        return status;
    }

    // Whole blocks; of parts that are written back the one that they belong to.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WriteBlocksAsync(ulong firstBlock, IoSlice from, WriteBackBlock? parts)
    {
        if ((from.Address & (Layout.SectorBytes - 1)) != 0) return await WriteCopyAsync(firstBlock, from);
        int count = from.LengthBytes >> volume.BlockShift;
        for (int done = 0; done < count;)
        {
            int run = RunLength(from, done, count, out bool isZero);
            IoSlice part = from.Slice(done << volume.BlockShift, run << volume.BlockShift);
            ulong block = firstBlock + (ulong)done;
            IoStatus status = IoStatus.Ok;
            if (isZero)
            {
                if (pool.Writer.IsHeld && parts is null) await volume.WaitWhileHeldAsync();
                volume.PublishHoles(new BlockRange(block, (ulong)run));
            }
            else if (volume.Compression == CompressionKind.Off)
                status = await WritePlainAsync(block, run, part, parts);
            else status = await _compressed.WriteAsync(block, run, part, parts);
            if (status != IoStatus.Ok) return status;
            done += run;
        }

        return IoStatus.Ok;
    }

    // A range that begins or ends within a block.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WritePartialAsync(long offsetBytes, IoSlice from)
    {
        int blockBytes = volume.BlockSizeBytes;
        for (int done = 0; done < from.LengthBytes;)
        {
            long offset = offsetBytes + done;
            int within = (int)(offset & (blockBytes - 1));
            int left = from.LengthBytes - done;
            int length = within == 0 && left >= blockBytes
                ? left & -blockBytes
                : Math.Min(left, blockBytes - within);
            IoSlice part = from.Slice(done, length);
            ulong block = (ulong)(offset >> volume.BlockShift);
            IoStatus status = length >= blockBytes
                ? await WriteBlocksAsync(block, part, null)
                : await WritePartAsync(block, within, part);
            if (status != IoStatus.Ok) return status;
            done += length;
        }

        return IoStatus.Ok;
    }

    /// <summary>Zeroes a part of one block. The caller holds the block.</summary>
    public async ValueTask<IoStatus> ZeroPartAsync(ulong block, int within, int length)
    {
        IoBuffer? zeroes = pool.Loop.Buffers.TryRent(length);
        if (zeroes is null) return IoStatus.NoMemory;
        zeroes.Span[..length].Clear();
        IoStatus status = await WritePartAsync(block, within, zeroes.First(length));
        zeroes.Release();
        return status;
    }

    public void Dispose() => _compressed.Dispose();

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WritePartAsync(ulong block, int within, IoSlice part)
    {
        if (pool.Writer.IsHeld) await volume.WaitWhileHeldAsync();
        return pool.WriteBack.TryPut(volume, block, within, part)
            ? IoStatus.Ok : await MergeAsync(block, within, part);
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> MergeAsync(ulong block, int within, IoSlice part)
    {
        IoStatus status = IoStatus.DeviceTimeout;
        for (int i = 0; i < BlockReader.Attempts && status == IoStatus.DeviceTimeout; i++)
        {
            IoBuffer? buffer = pool.Loop.Buffers.TryRent(volume.BlockSizeBytes);
            if (buffer is null) return IoStatus.NoMemory;
            IoSlice whole = buffer.First(volume.BlockSizeBytes);
            status = await volume.Reader.ReadBlocksAsync(block, 1, whole);
            bool isRead = status == IoStatus.Ok;
            if (isRead)
            {
                part.Span.CopyTo(whole.Span[within..]);
                status = await WriteBlocksAsync(block, whole, null);
            }

            buffer.Release();
            if (isRead) break;
        }

        return status;
    }

    private async ValueTask<IoStatus> WriteCopyAsync(ulong firstBlock, IoSlice from)
    {
        for (int done = 0; done < from.LengthBytes;)
        {
            int length = Math.Min(from.LengthBytes - done, 1 << 20);
            IoBuffer? buffer = pool.Loop.Buffers.TryRent(length);
            if (buffer is null) return IoStatus.NoMemory;
            from.Slice(done, length).Span.CopyTo(buffer.Span);
            IoStatus status = await WriteBlocksAsync(firstBlock + (ulong)(done >> volume.BlockShift),
                buffer.First(length), null);
            buffer.Release();
            if (status != IoStatus.Ok) return status;
            done += length;
        }

        return IoStatus.Ok;
    }

    // Blocks from 'start' on that are all zero, or all not, as many as one extent takes.
    private int RunLength(IoSlice from, int start, int count, out bool isZero)
    {
        int shift = volume.BlockShift;
        isZero = ZeroBlock.IsZero(from.Span.Slice(start << shift, 1 << shift));
        int limit = Math.Min(count, start + ExtentWrite.MaximumUnits);
        int end = start + 1;
        while (end < limit && ZeroBlock.IsZero(from.Span.Slice(end << shift, 1 << shift)) == isZero) end++;
        return end - start;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WritePlainAsync(
        ulong firstBlock, int count, IoSlice from, WriteBackBlock? parts)
    {
        ExtentWrite extent = pool.Writer.Rent();
        extent.Guarantee = volume.Guarantee;
        extent.Source = from;
        extent.IsReserved = parts is not null;
        extent.UnitSectors = volume.BlockSizeBytes >> Layout.SectorShift;
        extent.UnitCount = count;
        extent.ChecksumKind = volume.Record.ChecksumOfNewBlocks;
        for (int i = 0; i < count; i++)
            extent.Checksums[i] = BlockChecksum.Compute(extent.ChecksumKind, BlockOf(from, i));
        long began = volume.NowNanoseconds;
        IoStatus status = await pool.Writer.WriteAsync(extent);
        // What waits in memory is written when there is time: nobody waits for that.
        if (parts is null) volume.Times.Add(IoStage.DeviceWrite, volume.NowNanoseconds - began);
        if (parts is { IsAsTaken: false }) status = IoStatus.Aborted;
        if (status == IoStatus.Ok)
        {
            for (int i = 0; i < count; i++)
            {
                Hash128 content = extent.ChecksumKind == ChecksumKind.Xxh128
                    ? extent.Checksums[i]
                    : Xxh128.Compute(BlockOf(from, i));
                volume.Publish(firstBlock + (ulong)i,
                    extent.PointerTo(i, pool.Allocator, pool.Epoch, volume.BlockShift, content));
            }
        }
        else
        {
            extent.GiveBack(pool.Allocator);
        }

        pool.Writer.Return(extent);
        return status;
    }

    private Span<byte> BlockOf(IoSlice from, int index) =>
        from.Span.Slice(index << volume.BlockShift, volume.BlockSizeBytes);
}
