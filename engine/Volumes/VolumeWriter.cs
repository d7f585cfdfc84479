using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Writes of one volume: whole blocks go to new places as they are, parts of blocks are merged into what is
/// there. A block's new pointer becomes visible, and its log record is appended, in one step after its data
/// was written.
/// </summary>
internal sealed class VolumeWriter(Volume volume, PoolCore pool) : IDisposable
{
    // Blocks that are compressed and written side by side.
    private const int CompressedWidth = 32;

    // From this block size on zstd is worth a hand-over to a worker.
    private const int OffloadBytes = 32 * 1024;

    private readonly BlockCompressor _compressor = new();
    private readonly Stack<CompressionWork> _freeWork = [];

    /// <summary>Writes whole blocks. The caller holds their range.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WriteBlocksAsync(ulong firstBlock, IoSlice from)
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
                if (pool.Writer.IsHeld) await pool.Writer.WaitWhileHeldAsync();
                volume.PublishHoles(new BlockRange(block, (ulong)run));
            }
            else if (volume.Compression == CompressionKind.Off)
                status = await WritePlainAsync(block, run, part);
            else status = await WriteCompressedAsync(block, run, part);
            if (status != IoStatus.Ok) return status;
            done += run;
        }

        return IoStatus.Ok;
    }

    /// <summary>
    /// Writes a range that begins or ends within a block. The caller holds all touched blocks.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WritePartialAsync(long offsetBytes, IoSlice from)
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
                ? await WriteBlocksAsync(block, part)
                : await MergeAsync(block, within, part);
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
        IoStatus status = await MergeAsync(block, within, zeroes.First(length));
        zeroes.Release();
        return status;
    }

    public void Dispose()
    {
        _compressor.Dispose();
        foreach (CompressionWork work in _freeWork) work.Dispose();
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
                status = await WriteBlocksAsync(block, whole);
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
                buffer.First(length));
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
    private async ValueTask<IoStatus> WritePlainAsync(ulong firstBlock, int count, IoSlice from)
    {
        ExtentWrite extent = pool.Writer.Rent();
        extent.Source = from;
        extent.UnitSectors = volume.BlockSizeBytes >> Layout.SectorShift;
        extent.UnitCount = count;
        for (int i = 0; i < count; i++)
            extent.Checksums[i] = Xxh128.Compute(from.Span.Slice(i << volume.BlockShift,
                volume.BlockSizeBytes));
        IoStatus status = await pool.Writer.WriteAsync(extent);
        if (status == IoStatus.Ok)
        {
            for (int i = 0; i < count; i++)
                volume.Publish(firstBlock + (ulong)i, PointerTo(extent, i, extent.Checksums[i]));
        }
        else
        {
            GiveBack(extent);
        }

        pool.Writer.Return(extent);
        return status;
    }

    private BlockPointer PointerTo(ExtentWrite extent, int unit, Hash128 content) => new()
    {
        Place0 = extent.Places[unit],
        AllocatedSectors = (ushort)pool.Allocator.SectorsOf(extent.Places[unit], extent.UnitSectors),
        LogicalShift = (byte)volume.BlockShift,
        PhysicalBytes = (uint)volume.BlockSizeBytes,
        ChecksumKind = ChecksumKind.Xxh128,
        BirthEpoch = pool.Epoch,
        Checksum = extent.Checksums[unit],
        ContentHash = content,
    };

    // A failed write made nothing visible; its space is free again.
    private void GiveBack(ExtentWrite extent)
    {
        for (int i = 0; i < extent.PlacedUnits; i++)
            pool.Allocator.Release(extent.Places[i],
                pool.Allocator.SectorsOf(extent.Places[i], extent.UnitSectors));
    }

    private async ValueTask<IoStatus> WriteCompressedAsync(ulong firstBlock, int count, IoSlice from)
    {
        IoStatus status = IoStatus.Ok;
        CompressedBlock[] blocks = new CompressedBlock[Math.Min(count, CompressedWidth)];
        for (int done = 0; done < count && status == IoStatus.Ok; done += blocks.Length)
        {
            int width = Math.Min(blocks.Length, count - done);
            int started = 0;
            for (; started < width; started++)
            {
                IoSlice block = from.Slice((done + started) << volume.BlockShift, volume.BlockSizeBytes);
                blocks[started] = await StartCompressedAsync(block);
            }

            for (int i = 0; i < started; i++)
            {
                IoStatus ended = await blocks[i].Written;
                if (ended != IoStatus.Ok) status = ended;
                if (ended == IoStatus.Ok) PublishCompressed(firstBlock + (ulong)(done + i), blocks[i]);
                else GiveBack(blocks[i].Extent);
                blocks[i].Stored?.Release();
                pool.Writer.Return(blocks[i].Extent);
            }
        }

        return status;
    }

    private async ValueTask<CompressedBlock> StartCompressedAsync(IoSlice from)
    {
        // Worth it only if at least an eighth and a whole sector is saved.
        int limit = Math.Min(from.LengthBytes / 8 * 7,
            from.LengthBytes - Layout.SectorBytes) & -Layout.SectorBytes;
        IoBuffer? stored = limit > 0 ? pool.Loop.Buffers.TryRent(limit) : null;
        int physicalBytes = stored is null ? 0 : await CompressAsync(from, stored.First(limit));
        if (physicalBytes == 0)
        {
            stored?.Release();
            stored = null;
        }

        int sectors =
            ((physicalBytes == 0 ? from.LengthBytes : physicalBytes) + Layout.SectorBytes - 1)
            >> Layout.SectorShift;
        stored?.Span[physicalBytes..(sectors << Layout.SectorShift)].Clear();
        ExtentWrite extent = pool.Writer.Rent();
        extent.Source = stored?.First(sectors << Layout.SectorShift) ?? from;
        extent.UnitSectors = sectors;
        extent.UnitCount = 1;
        Hash128 content = Xxh128.Compute(from.Span);
        extent.Checksums[0] = stored is null ? content : Xxh128.Compute(stored.Span[..physicalBytes]);
        ValueTask<IoStatus> written = pool.Writer.WriteAsync(extent);
        return new CompressedBlock(extent, stored, physicalBytes, content, written);
    }

    private async ValueTask<int> CompressAsync(IoSlice from, IoSlice into)
    {
        if (volume.Compression != CompressionKind.Zstd || from.LengthBytes < OffloadBytes)
            return _compressor.TryCompress(volume.Compression, volume.CompressionLevel, from.Span, into.Span);
        if (!_freeWork.TryPop(out CompressionWork? work)) work = new CompressionWork();
        work.Set(volume.Compression, volume.CompressionLevel, from, into);
        await pool.Loop.OffloadAsync(work);
        int bytes = work.CompressedBytes;
        _freeWork.Push(work);
        return bytes;
    }

    private void PublishCompressed(ulong block, in CompressedBlock written)
    {
        BlockPointer pointer = PointerTo(written.Extent, 0, written.ContentHash);
        if (written.Stored is not null)
            pointer = pointer with { PhysicalBytes = (uint)written.PhysicalBytes,
                Compression = volume.Compression };
        volume.Publish(block, pointer);
    }
}
