using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Puts the blocks of a stream into a volume: stored as they came, a few runs under way, visible in the
/// stream's order. What was handed over and not drained is nowhere yet.
/// </summary>
internal sealed class BlockLanding(PoolCore pool, Volume volume) : IDisposable
{
    // Runs under way at most: 4 MiB.
    private const int Window = 16;

    private readonly BlockCompressor _compressor = new();
    private readonly Queue<ReceivedRun> _underWay = new(Window);
    private readonly byte[] _logical = new byte[volume.BlockSizeBytes];
    private ReceivedRun? _run;

    /// <summary>Anything but Ok: nothing more lands.</summary>
    public IoStatus Status { get; private set; }

    /// <summary>Whether the payload is the block that the header says: logical length and content.</summary>
    public bool IsWhole(in StreamRecordHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Compression == CompressionKind.Off)
            return payload.Length == volume.BlockSizeBytes && header.ContentHash == header.PayloadChecksum;
        return payload.Length < volume.BlockSizeBytes
            && _compressor.TryDecompress(header.Compression, payload, _logical)
            && Xxh128.Compute(_logical) == header.ContentHash;
    }

    /// <summary>Takes a block that is whole; its memory may be used again afterwards.</summary>
    public async ValueTask AddAsync(StreamRecordHeader header, IoSlice payload)
    {
        ChecksumKind kind = volume.Record.ChecksumOfNewBlocks;
        BlockPointer pointer = new()
        {
            LogicalShift = (byte)volume.BlockShift,
            Compression = header.Compression,
            ChecksumKind = kind,
            PhysicalBytes = header.PayloadBytes,
            Checksum = kind == ChecksumKind.Xxh128
                ? header.PayloadChecksum
                : BlockChecksum.Compute(kind, payload.Span),
            ContentHash = header.ContentHash,
        };
        if (_run is not null && _run.TryAdd(header.Block, payload.Span, pointer)) return;
        StartRun();
        while (_underWay.Count >= Window) await LandOldestAsync();
        while (Status == IoStatus.Ok)
        {
            if (pool.Loop.Buffers.TryRent(ReceivedRun.MaximumBytes) is { } buffer)
            {
                ExtentWrite extent = pool.Writer.Rent();
                extent.Guarantee = volume.Guarantee;
                extent.UnitSectors = pointer.PhysicalSectors;
                _run = new ReceivedRun(extent, buffer);
                bool isAdded = _run.TryAdd(header.Block, payload.Span, pointer);
                Check.That(isAdded);
                volume.RequestsUnderWay++;
                return;
            }

            if (_underWay.Count == 0) Status = IoStatus.NoMemory;
            else await LandOldestAsync();
        }
    }

    /// <summary>Makes blocks holes, behind all that came before.</summary>
    public async ValueTask AddHolesAsync(BlockRange holes)
    {
        await DrainAsync();
        if (pool.Writer.IsHeld) await pool.Writer.WaitWhileHeldAsync();
        if (Status == IoStatus.Ok) Status = Refusal();
        if (Status == IoStatus.Ok) volume.PublishHoles(holes);
    }

    /// <summary>Completes when all blocks are visible, or have failed.</summary>
    public async ValueTask DrainAsync()
    {
        StartRun();
        while (_underWay.Count > 0) await LandOldestAsync();
    }

    public void Dispose() => _compressor.Dispose();

    private void StartRun()
    {
        if (_run is not { } run) return;
        _run = null;
        run.Extent.UnitCount = run.Count;
        run.Extent.Source = run.Buffer.First(run.Count * (run.Extent.UnitSectors << Layout.SectorShift));
        run.Start(pool.Writer.WriteAsync(run.Extent));
        _underWay.Enqueue(run);
    }

    private async ValueTask LandOldestAsync()
    {
        ReceivedRun run = _underWay.Dequeue();
        IoStatus status = await run.Written;
        if (status == IoStatus.Ok) status = Refusal();
        // In order: behind a block that is missing no other may be visible.
        if (Status == IoStatus.Ok) Status = status;
        if (Status != IoStatus.Ok) run.Extent.GiveBack(pool.Allocator);
        else for (int i = 0; i < run.Count; i++) volume.Publish(run.BlockAt(i), PointerTo(run, i));
        run.Buffer.Release();
        pool.Writer.Return(run.Extent);
        volume.RequestsUnderWay--;
    }

    private IoStatus Refusal() => volume.IsClosed ? IoStatus.Closed : pool.Stopped;

    private BlockPointer PointerTo(ReceivedRun run, int unit)
    {
        BlockPlace place = run.Extent.Places[unit];
        return run.PointerAt(unit) with
        {
            Place0 = place,
            AllocatedSectors = (ushort)pool.Allocator.SectorsOf(place, run.Extent.UnitSectors),
            BirthEpoch = pool.Epoch,
        };
    }
}
