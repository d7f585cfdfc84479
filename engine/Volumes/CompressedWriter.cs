using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Writes of whole blocks that are compressed one by one, some side by side on their way to the devices.
/// Settings may change meanwhile: what a block was made with is kept beside it.
/// </summary>
internal sealed class CompressedWriter(Volume volume, PoolCore pool) : IDisposable
{
    // Blocks of one request that are under way at once.
    private const int Width = 32;

    // What takes some 100 us or more is worth a hand-over to a worker: measured with text.
    private const int OffloadLz4Bytes = 64 * 1024;
    private const int OffloadZstdBytes = 32 * 1024;
    private const int OffloadZstdLevel = 4;

    private readonly BlockCompressor _compressor = new();
    private readonly Stack<CompressionWork> _freeWork = [];
    private readonly Stack<CompressedBlock[]> _freeBatches = [];

    /// <summary>
    /// Writes blocks, none of zeroes alone. The caller holds their range, or writes parts of one back.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WriteAsync(
        ulong firstBlock, int count, IoSlice from, WriteBackBlock? parts)
    {
        if (!_freeBatches.TryPop(out CompressedBlock[]? blocks)) blocks = new CompressedBlock[Width];
        IoStatus status = IoStatus.Ok;
        for (int done = 0; done < count && status == IoStatus.Ok; done += Width)
        {
            int width = Math.Min(Width, count - done);
            for (int i = 0; i < width; i++)
            {
                IoSlice block = from.Slice((done + i) << volume.BlockShift, volume.BlockSizeBytes);
                blocks[i] = await StartAsync(block, parts is not null);
            }

            long began = volume.NowNanoseconds;
            for (int i = 0; i < width; i++)
            {
                IoStatus ended = await blocks[i].Written;
                if (parts is { IsAsTaken: false }) ended = IoStatus.Aborted;
                if (ended != IoStatus.Ok) status = ended;
                End(firstBlock + (ulong)(done + i), ref blocks[i], ended);
            }

            if (parts is null) volume.Times.Add(IoStage.DeviceWrite, volume.NowNanoseconds - began);
        }

        _freeBatches.Push(blocks);
        return status;
    }

    public void Dispose()
    {
        _compressor.Dispose();
        foreach (CompressionWork work in _freeWork) work.Dispose();
    }

    /// <summary>Makes of a block what is to be stored, if that is worth it.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<StoredBlock> CompressAsync(IoSlice from)
    {
        // Worth it only if at least an eighth and a whole sector is saved.
        int limit = Math.Min(from.LengthBytes / 8 * 7,
            from.LengthBytes - Layout.SectorBytes) & -Layout.SectorBytes;
        CompressionKind kind = volume.Compression;
        bool tries = limit > 0 && kind != CompressionKind.Off;
        IoBuffer? stored = tries ? pool.Loop.Buffers.TryRent(limit) : null;
        int physicalBytes = stored is null ? 0 : await CompressAsync(kind, from, stored.First(limit));
        if (physicalBytes == 0)
        {
            stored?.Release();
            return new StoredBlock(null, CompressionKind.Off, from.LengthBytes);
        }

        int sectors = (physicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;
        stored!.Span[physicalBytes..(sectors << Layout.SectorShift)].Clear();
        return new StoredBlock(stored, kind, physicalBytes);
    }

    /// <summary>Begins to write a block; to be ended by <see cref="Release"/>.</summary>
    public CompressedBlock Begin(IoSlice from, in StoredBlock stored, bool isReserved)
    {
        int sectors = (stored.PhysicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;
        ExtentWrite extent = pool.Writer.Rent();
        extent.Guarantee = volume.Guarantee;
        extent.Source = stored.Buffer?.First(sectors << Layout.SectorShift) ?? from;
        extent.IsReserved = isReserved;
        extent.UnitSectors = sectors;
        extent.UnitCount = 1;
        extent.ChecksumKind = volume.Record.ChecksumOfNewBlocks;
        Hash128 content = Xxh128.Compute(from.Span);
        extent.Checksums[0] = stored.Buffer is null && extent.ChecksumKind == ChecksumKind.Xxh128
            ? content
            : BlockChecksum.Compute(extent.ChecksumKind, extent.Source.Span[..stored.PhysicalBytes]);
        ValueTask<IoStatus> written = pool.Writer.WriteAsync(extent);
        return new CompressedBlock(
            extent, stored.Buffer, stored.Compression, stored.PhysicalBytes, content, written);
    }

    /// <summary>The pointer to a block that was written.</summary>
    public BlockPointer PointerTo(in CompressedBlock written)
    {
        BlockPointer plain = written.Extent.PointerTo(
            0, pool.Allocator, pool.Epoch, volume.BlockShift, written.ContentHash);
        return plain with
        {
            PhysicalBytes = (uint)written.PhysicalBytes,
            Compression = written.Compression,
        };
    }

    /// <summary>Gives back what a write held, and its places unless it is visible.</summary>
    public void Release(ref CompressedBlock written, bool isVisible)
    {
        if (!isVisible) written.Extent.GiveBack(pool.Allocator);
        written.Stored?.Release();
        pool.Writer.Return(written.Extent);
        written = default;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<CompressedBlock> StartAsync(IoSlice from, bool isReserved)
    {
        StoredBlock stored = await CompressAsync(from);
        return Begin(from, stored, isReserved);
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<int> CompressAsync(CompressionKind kind, IoSlice from, IoSlice into)
    {
        int level = volume.CompressionLevel;
        bool isLong = kind == CompressionKind.Zstd
            ? from.LengthBytes >= OffloadZstdBytes || level >= OffloadZstdLevel
            : from.LengthBytes >= OffloadLz4Bytes;
        if (!isLong)
            return _compressor.TryCompress(kind, level, from.Span, into.Span);
        if (!_freeWork.TryPop(out CompressionWork? work)) work = new CompressionWork();
        work.Set(kind, level, from, into);
        await pool.Loop.OffloadAsync(work);
        int bytes = work.CompressedBytes;
        _freeWork.Push(work);
        return bytes;
    }

    private void End(ulong block, ref CompressedBlock written, IoStatus status)
    {
        if (status == IoStatus.Ok) volume.Publish(block, PointerTo(written));
        Release(ref written, status == IoStatus.Ok);
    }
}
