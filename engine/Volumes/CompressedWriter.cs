using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
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

    // From this block size on zstd is worth a hand-over to a worker.
    private const int OffloadBytes = 32 * 1024;

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

            for (int i = 0; i < width; i++)
            {
                IoStatus ended = await blocks[i].Written;
                if (parts is { IsAsTaken: false }) ended = IoStatus.Aborted;
                if (ended != IoStatus.Ok) status = ended;
                End(firstBlock + (ulong)(done + i), ref blocks[i], ended);
            }
        }

        _freeBatches.Push(blocks);
        return status;
    }

    public void Dispose()
    {
        _compressor.Dispose();
        foreach (CompressionWork work in _freeWork) work.Dispose();
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<CompressedBlock> StartAsync(IoSlice from, bool isReserved)
    {
        // Worth it only if at least an eighth and a whole sector is saved.
        int limit = Math.Min(from.LengthBytes / 8 * 7,
            from.LengthBytes - Layout.SectorBytes) & -Layout.SectorBytes;
        IoBuffer? stored = limit > 0 ? pool.Loop.Buffers.TryRent(limit) : null;
        CompressionKind kind = volume.Compression;
        int physicalBytes = stored is null ? 0 : await CompressAsync(kind, from, stored.First(limit));
        if (physicalBytes == 0)
        {
            stored?.Release();
            stored = null;
            kind = CompressionKind.Off;
            physicalBytes = from.LengthBytes;
        }

        int sectors = (physicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;
        stored?.Span[physicalBytes..(sectors << Layout.SectorShift)].Clear();
        ExtentWrite extent = pool.Writer.Rent();
        extent.Source = stored?.First(sectors << Layout.SectorShift) ?? from;
        extent.IsReserved = isReserved;
        extent.UnitSectors = sectors;
        extent.UnitCount = 1;
        extent.ChecksumKind = volume.Record.ChecksumOfNewBlocks;
        Hash128 content = Xxh128.Compute(from.Span);
        extent.Checksums[0] = stored is null && extent.ChecksumKind == ChecksumKind.Xxh128
            ? content
            : BlockChecksum.Compute(extent.ChecksumKind, extent.Source.Span[..physicalBytes]);
        ValueTask<IoStatus> written = pool.Writer.WriteAsync(extent);
        return new CompressedBlock(extent, stored, kind, physicalBytes, content, written);
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<int> CompressAsync(CompressionKind kind, IoSlice from, IoSlice into)
    {
        int level = volume.CompressionLevel;
        if (kind != CompressionKind.Zstd || from.LengthBytes < OffloadBytes)
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
        if (status == IoStatus.Ok)
        {
            BlockPointer plain = written.Extent.PointerTo(
                0, pool.Allocator, pool.Epoch, volume.BlockShift, written.ContentHash);
            volume.Publish(block, plain with
            {
                PhysicalBytes = (uint)written.PhysicalBytes,
                Compression = written.Compression,
            });
        }
        else
        {
            written.Extent.GiveBack(pool.Allocator);
        }

        written.Stored?.Release();
        pool.Writer.Return(written.Extent);
        written = default;
    }
}
