// Walks everything that the newest durable root leads to, reads every copy of every block, and holds the
// result against what the pool says of itself: checksums, content hashes, accounting of each volume, space
// map. It shares the format with the engine but neither its caches nor its space code, so that a mistake
// there does not hide itself.
using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
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
    private readonly BlockVerifier _blocks;

    private PoolChecker(ILoop loop, PoolDevices devices)
    {
        _loop = loop;
        _devices = devices;
        long[] sectors = new long[devices.VdevCount];
        for (int i = 0; i < sectors.Length; i++) sectors[i] = devices.SectorCount(i);
        _claims = new SectorClaims(sectors);
        _blocks = new BlockVerifier(loop, devices, _claims, _report);
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
        _blocks.Dispose();
    }

    private async ValueTask CheckRootAsync(Uberblock root)
    {
        _blocks.ClaimSegment(root.LogPlace0, "log segment");
        _blocks.ClaimSegment(root.LogPlace1, "log segment");
        _blocks.ClaimSegment(root.LogNext0, "next log segment");
        _blocks.ClaimSegment(root.LogNext1, "next log segment");
        await WalkAsync(root.SpaceMapRoot, root.SpaceMapHeight, 0, "space map", MapRegion);
        await CheckSpaceLogAsync(root);
        SortedDictionary<ulong, DatasetRecord> datasets = [];
        await WalkAsync(root.DatasetRoot, root.DatasetHeight, 0, "dataset table", (slot, block) =>
        {
            string? reason = DatasetRecord.TryRead(block, out DatasetRecord record);
            if (reason is not null) _report.Add($"dataset table slot {slot}: {reason}");
            else datasets.Add(slot, record);
        });
        await new VersionChecker(_blocks, _report, datasets).CheckAsync();
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
            using Verified block = await _blocks.ReadAsync(next, $"space log block {i}");
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

        using Verified block = await _blocks.ReadAsync(pointer,
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

    /// <summary>What the content hash of a node must be.</summary>
    internal static Hash128 HashOf(ReadOnlySpan<BlockPointer> children)
    {
        Span<Hash128> hashes = stackalloc Hash128[Layout.NodeFanout];
        for (int i = 0; i < children.Length; i++) hashes[i] = children[i].ContentHash;
        return Xxh128.Compute(MemoryMarshal.AsBytes(hashes));
    }

    private delegate void BlockVisitor(ulong index, ReadOnlySpan<byte> bytes);
}
