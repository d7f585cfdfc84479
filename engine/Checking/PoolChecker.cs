// Walks everything that the newest durable root leads to, reads every copy of every block, and holds the
// result against what the pool says of itself: checksums, content hashes, accounting of each volume, space
// map. It shares the format with the engine but neither its caches nor its space code, so that a mistake
// there does not hide itself.
using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Compression;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Checking;

/// <summary>Verifies a whole pool that nobody writes to meanwhile.</summary>
public sealed class PoolChecker : IDisposable
{
    private const int RegionIndexBits = 20;

    private readonly ILoop _loop;
    private readonly PoolDevices _devices;
    private readonly SectorClaims _claims;
    private readonly CheckReport _report = new();
    private readonly BlockCompressor _compressor = new();
    private long _walkedSectors;
    private long _walkedBlocks;

    private PoolChecker(ILoop loop, PoolDevices devices)
    {
        _loop = loop;
        _devices = devices;
        long[] sectors = new long[devices.VdevCount];
        for (int i = 0; i < sectors.Length; i++) sectors[i] = devices.SectorCount(i);
        _claims = new SectorClaims(sectors);
    }

    /// <summary>Checkpoints (unless the pool is read-only) and checks the root that results.</summary>
    public static async ValueTask<CheckReport> CheckAsync(Pool pool)
    {
        using PoolChecker checker = new(pool.Core.Loop, pool.Core.Devices);
        if (!pool.IsReadOnly && await pool.CheckpointAsync() is var status and not IoStatus.Ok)
            checker._report.Add($"the checkpoint before the check failed: {status}");
        UberblockScan scan = await pool.Core.Devices.ReadUberblocksAsync();
        if (scan.Roots.Count == 0) checker._report.Add("no valid uberblock");
        else await checker.CheckRootAsync(scan.Roots[0].Root);
        checker._claims.Compare(checker._report);
        return checker._report;
    }

    public void Dispose()
    {
        _claims.Dispose();
        _compressor.Dispose();
    }

    private async ValueTask CheckRootAsync(Uberblock root)
    {
        ClaimSegment(root.LogPlace0, "log segment");
        ClaimSegment(root.LogPlace1, "log segment");
        ClaimSegment(root.LogNext0, "next log segment");
        ClaimSegment(root.LogNext1, "next log segment");
        await WalkAsync(root.SpaceMapRoot, root.SpaceMapHeight, 0, "space map", MapRegion);
        await CheckSpaceLogAsync(root);
        List<DatasetRecord> datasets = [];
        await WalkAsync(root.DatasetRoot, root.DatasetHeight, 0, "dataset table",
            (slot, block) => AddDataset(datasets, slot, block));
        foreach (DatasetRecord dataset in datasets) await CheckDatasetAsync(dataset);
    }

    private async ValueTask CheckDatasetAsync(DatasetRecord dataset)
    {
        _walkedSectors = 0;
        _walkedBlocks = 0;
        ulong limit = (ulong)dataset.BlockCount;
        await WalkAsync(dataset.Root, dataset.Height, 0, dataset.Name, (block, bytes) =>
        {
            _walkedBlocks++;
            if (block >= limit) _report.Add($"{dataset.Name}: block {block} lies beyond the end");
            if (bytes.Length != 1 << dataset.BlockShift)
                _report.Add($"{dataset.Name}: block {block} has {bytes.Length} bytes");
        });
        if (_walkedBlocks != dataset.MappedBlocks)
            _report.Add(
                $"{dataset.Name}: {_walkedBlocks} blocks are mapped, the record says {dataset.MappedBlocks}");
        if (_walkedSectors != dataset.AllocatedSectors)
            _report.Add(
                $"{dataset.Name}: {_walkedSectors} sectors used, the record says {dataset.AllocatedSectors}");
    }

    private void AddDataset(List<DatasetRecord> datasets, ulong slot, ReadOnlySpan<byte> block)
    {
        string? reason = DatasetRecord.TryRead(block, out DatasetRecord record);
        if (reason is not null) _report.Add($"dataset table slot {slot}: {reason}");
        else if (record.State != DatasetState.Free) datasets.Add(record);
    }

    private void MapRegion(ulong index, ReadOnlySpan<byte> bitmap)
    {
        int vdev = (int)(index >> RegionIndexBits);
        int region = (int)(index & ((1UL << RegionIndexBits) - 1));
        if (vdev >= _devices.VdevCount || (long)region * Layout.RegionSectors >= _devices.SectorCount(vdev))
            _report.Add($"space map has a region {vdev}.{region} that the vdev does not have");
        else _claims.MapRegion(vdev, region, MemoryMarshal.Cast<byte, ulong>(bitmap));
    }

    private async ValueTask CheckSpaceLogAsync(Uberblock root)
    {
        List<SpaceLogEntry[]> blocks = [];
        BlockPointer next = root.SpaceLogHead;
        for (ulong i = 0; i < root.SpaceLogBlocks; i++)
        {
            using Verified block = await ReadAsync(next, $"space log block {i}");
            if (block.Bytes.IsEmpty) return;
            string? reason = SpaceLogHeader.TryRead(block.Bytes[..(int)next.PhysicalBytes],
                out SpaceLogHeader header);
            if (reason is not null)
            {
                _report.Add($"space log block {i}: {reason}");
                return;
            }

            ReadOnlySpan<byte> entries = block.Bytes[SpaceLogHeader.Bytes..header.TotalBytes];
            blocks.Add(MemoryMarshal.Cast<byte, SpaceLogEntry>(entries).ToArray());
            next = header.Previous;
        }

        for (int i = blocks.Count - 1; i >= 0; i--)
            foreach (SpaceLogEntry entry in blocks[i])
                if (_claims.Map(entry.Place, (int)entry.SectorCount,
                    entry.Change == SpaceChange.Allocated) is { } reason)
                    _report.Add(reason);
    }

    // Depth first; hands each block below the leaves to the visitor.
    private async ValueTask WalkAsync(BlockPointer pointer, int level, ulong first, string tree,
        BlockVisitor visit)
    {
        if (pointer.IsHole)
        {
            if (pointer != default) _report.Add($"{tree}: a hole at {first} has leftover bytes");
            return;
        }

        using Verified block = await ReadAsync(pointer,
            level == 0 ? $"{tree} block {first}" : $"{tree} node of level {level} at {first}");
        if (block.Bytes.IsEmpty) return;
        if (level == 0)
        {
            visit(first, block.Bytes);
            return;
        }

        if (block.Bytes.Length != Layout.NodeBytes)
        {
            _report.Add($"{tree}: node at {first} has {block.Bytes.Length} bytes");
            return;
        }

        BlockPointer[] children = MemoryMarshal.Cast<byte, BlockPointer>(block.Bytes).ToArray();
        if (HashOf(children) != pointer.ContentHash)
            _report.Add($"{tree}: node of level {level} at {first} has a wrong content hash");
        for (int child = 0; child < children.Length; child++)
            await WalkAsync(children[child], level - 1,
                first + ((ulong)child * TreeGeometry.ChildSpan(level)), tree, visit);
    }

    private async ValueTask<Verified> ReadAsync(BlockPointer pointer, string what)
    {
        if (pointer.Validate() is { } reason)
        {
            _report.Add($"{what}: {reason}");
            return default;
        }

        _report.Blocks++;
        IoBuffer stored = _loop.Buffers.Rent(pointer.PhysicalSectors << Layout.SectorShift);
        bool isFound = false;
        bool isClaimed = true;
        int taken = 0;
        for (int index = 0; index < pointer.CopyCount; index++)
        {
            BlockPlace place = index == 0 ? pointer.Place0 : pointer.Place1;
            int sectors = SectorsOf(place, pointer.PhysicalSectors);
            taken += sectors;
            isClaimed &= Claim(place, sectors, what);
            if (isClaimed) isFound = await ReadPartsAsync(pointer, place, stored, isFound, what);
        }

        _walkedSectors += pointer.AllocatedSectors;
        if (taken != pointer.AllocatedSectors)
            _report.Add($"{what}: takes {taken} sectors, its pointer says {pointer.AllocatedSectors}");
        IoBuffer logical = _loop.Buffers.Rent(pointer.LogicalBytes);
        bool isGood = isClaimed && isFound && Expand(pointer, stored, logical, what);
        stored.Release();
        if (isGood) return new Verified(logical, pointer.LogicalBytes);
        logical.Release();
        return default;
    }

    // Every part is read, and the walk goes on below what is good: one lost disk is reported as that alone.
    private async ValueTask<bool> ReadPartsAsync(
        BlockPointer pointer, BlockPlace place, IoBuffer stored, bool isFound, string what)
    {
        int bytes = pointer.PhysicalSectors << Layout.SectorShift;
        IoBuffer trial = _loop.Buffers.Rent(bytes);
        Examination found = await _devices.ExamineAsync(
            place, trial.First(bytes), slice => BlockReader.Matches(pointer, slice), ExamineMode.Verify);
        if (found.Status == IoStatus.Ok && !isFound) trial.Span[..bytes].CopyTo(stored.Span);
        trial.Release();
        if (found.BadParts > 0) _report.Add($"{what}: at {place}: wrong or unreadable on {found.Where}");
        if (found.Status != IoStatus.Ok) _report.Add($"{what}: at {place}: {found.Status}");
        return isFound || found.Status == IoStatus.Ok;
    }

    private bool Expand(in BlockPointer pointer, IoBuffer stored, IoBuffer logical, string what)
    {
        Span<byte> bytes = logical.Span[..pointer.LogicalBytes];
        if (pointer.Compression == CompressionKind.Off)
        {
            bytes.Clear();
            stored.Span[..(int)pointer.PhysicalBytes].CopyTo(bytes);
            return true;
        }

        ReadOnlySpan<byte> packed = stored.Span[..(int)pointer.PhysicalBytes];
        if (_compressor.TryDecompress(pointer.Compression, packed, bytes)
            && Xxh128.Compute(bytes) == pointer.ContentHash)
            return true;
        _report.Add($"{what}: does not decompress to what its content hash says");
        return false;
    }

    private int SectorsOf(BlockPlace place, int physicalSectors) => place.Vdev < _devices.VdevCount
        ? _devices.Geometry(place.Vdev).AllocatedSectors(physicalSectors)
        : physicalSectors;

    // Rounded up to what leaves no hole too small for a block.
    private void ClaimSegment(BlockPlace place, string what)
    {
        int multiple = SectorsOf(place, 1);
        Claim(place, (Layout.LogSegmentSectors + multiple - 1) / multiple * multiple, what);
    }

    private bool Claim(BlockPlace place, int sectors, string what)
    {
        string? reason = _claims.Claim(place, sectors);
        if (reason is not null) _report.Add($"{what}: {reason}");
        return reason is null;
    }

    private static Hash128 HashOf(BlockPointer[] children)
    {
        Span<Hash128> hashes = stackalloc Hash128[Layout.NodeFanout];
        for (int i = 0; i < children.Length; i++) hashes[i] = children[i].ContentHash;
        return Xxh128.Compute(MemoryMarshal.AsBytes(hashes));
    }

    private delegate void BlockVisitor(ulong index, ReadOnlySpan<byte> bytes);

    private readonly struct Verified(IoBuffer buffer, int length) : IDisposable
    {
        public ReadOnlySpan<byte> Bytes => buffer is null ? [] : buffer.Span[..length];

        public void Dispose() => buffer?.Release();
    }
}
