// Reads all metadata that a root leads to, and says what is missing; writes nothing. Data blocks are read
// only if asked for: a volume with a lost block can be used, one with a lost node hardly. Roots share most of
// their trees, so what was found whole below one is not read again below the next.
using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Rewind;

internal sealed class RootWalk : IDisposable
{
    // Blocks read at once.
    private const int Width = 16;

    private const long PauseNanoseconds = 1_000_000;

    private static readonly LeafJudge AnyContents = static (_, _) => null;

    private readonly ILoop _loop;
    private readonly bool _includesData;
    private readonly SpaceAllocator _allocator = new();
    private readonly BlockReader _reader;
    private readonly HashSet<(BlockPlace Place, Hash128 Checksum)> _whole = [];

    public RootWalk(ILoop loop, PoolDevices devices, bool includesData)
    {
        _loop = loop;
        _includesData = includesData;
        for (int i = 0; i < devices.VdevCount; i++) _allocator.AddVdev(devices.Geometry(i), devices.Role(i));
        _reader = new BlockReader(loop, devices, new SpaceLedger(loop, _allocator), new DamageLog())
        {
            MayRepair = false,
        };
    }

    public async ValueTask<RootContents> VerifyAsync(Uberblock root)
    {
        List<DatasetRecord> datasets = [];
        string damage = await TreeAsync("space map", root.SpaceMapRoot, root.SpaceMapHeight, AnyContents);
        if (damage.Length == 0) damage = await SpaceLogAsync(root);
        string table = await TreeAsync("dataset table", root.DatasetRoot, root.DatasetHeight, (slot, bytes) =>
        {
            string? reason = DatasetRecord.TryRead(bytes, out DatasetRecord record);
            if (reason is null && record.State is DatasetState.Volume or DatasetState.Snapshot)
                datasets.Add(record);
            return reason;
        });
        if (damage.Length == 0) damage = table;
        foreach (DatasetRecord dataset in datasets)
        {
            if (damage.Length > 0) break;
            damage = await TreeAsync(
                dataset.Name, dataset.Root, dataset.Height, _includesData ? AnyContents : null);
        }

        return new RootContents(root, damage, table.Length == 0 ? datasets : null);
    }

    /// <summary>Blocks of a volume that were written in an epoch or later, or null if that cannot be
    /// read.</summary>
    public async ValueTask<long?> CountSinceAsync(DatasetRecord dataset, ulong epoch)
    {
        long count = 0;
        return await CountAsync(dataset.Root, dataset.Height) ? count : null;

        async ValueTask<bool> CountAsync(BlockPointer pointer, int level)
        {
            // Nothing below a node is younger than the node.
            if (pointer.IsHole || pointer.BirthEpoch < epoch) return true;
            if (level == 0) count++;
            if (level == 0) return true;
            (BlockPointer[] children, string damage) = await ReadNodeAsync(pointer);
            for (int i = 0; i < children.Length; i++)
                if (!await CountAsync(children[i], level - 1)) return false;
            return damage.Length == 0;
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _allocator.Dispose();
    }

    /// <summary>Reads a tree's nodes, and its blocks if somebody looks at them.</summary>
    private async ValueTask<string> TreeAsync(string name, BlockPointer root, int height, LeafJudge? judge)
    {
        // What is read from a table is needed each time.
        bool isKnown = judge is null || judge == AnyContents;
        return await WalkAsync(root, height, 0);

        async ValueTask<string> WalkAsync(BlockPointer pointer, int level, ulong first)
        {
            if (pointer.IsHole || (level == 0 && judge is null)) return "";
            if (isKnown && _whole.Contains((pointer.Place0, pointer.Checksum))) return "";
            string damage = level == 0
                ? await LeafAsync(pointer, first, judge!)
                : await BelowAsync(pointer, level, first);
            if (damage.Length > 0 && damage[0] == ':')
                damage = level == 0
                    ? $"{name}, block {first}{damage}" : $"{name}, node of level {level} at {first}{damage}";
            if (damage.Length == 0) _whole.Add((pointer.Place0, pointer.Checksum));
            return damage;
        }

        async ValueTask<string> BelowAsync(BlockPointer node, int level, ulong first)
        {
            (BlockPointer[] children, string damage) = await ReadNodeAsync(node);
            if (damage.Length > 0 || (level == 1 && judge is null)) return damage;
            int next = 0;
            // The nodes above these are few.
            Task[] workers = new Task[level <= 2 ? Width : 1];
            for (int i = 0; i < workers.Length; i++) workers[i] = WorkAsync();
            foreach (Task worker in workers) await worker;
            return damage;

            async Task WorkAsync()
            {
                while (next < children.Length && damage.Length == 0)
                {
                    int mine = next++;
                    string found = await WalkAsync(
                        children[mine], level - 1, first + ((ulong)mine * TreeGeometry.ChildSpan(level)));
                    if (found.Length > 0) damage = found;
                }
            }
        }
    }

    private async ValueTask<string> SpaceLogAsync(Uberblock root)
    {
        BlockPointer next = root.SpaceLogHead;
        for (ulong i = 0; i < root.SpaceLogBlocks; i++)
        {
            BlockPointer previous = default;
            int bytes = (int)next.PhysicalBytes;
            string damage = next.IsHole ? ": is missing" : await LeafAsync(next, i, (_, block) =>
            {
                string? reason = SpaceLogHeader.TryRead(block[..bytes], out SpaceLogHeader header);
                previous = header.Previous;
                return reason;
            });
            if (damage.Length > 0) return $"space log, block {i}{damage}";
            next = previous;
        }

        return "";
    }

    private async ValueTask<(BlockPointer[] Children, string Damage)> ReadNodeAsync(BlockPointer node)
    {
        BlockPointer[] children = [];
        string damage = await LeafAsync(node, 0, (_, bytes) =>
        {
            if (bytes.Length != Layout.NodeBytes) return "is no node";
            children = MemoryMarshal.Cast<byte, BlockPointer>(bytes).ToArray();
            return null;
        });
        return (children, damage);
    }

    // What is wrong, beginning with a colon, or nothing.
    private async ValueTask<string> LeafAsync(BlockPointer pointer, ulong index, LeafJudge judge)
    {
        if ((pointer.Validate() ?? _allocator.ReasonAgainst(pointer)) is { } reason) return $": {reason}";
        IoBuffer? buffer;
        while ((buffer = _loop.Buffers.TryRent(pointer.LogicalBytes)) is null)
            await _loop.DelayAsync(PauseNanoseconds);
        IoStatus status = await _reader.ReadApartAsync(
            pointer, buffer.First(pointer.LogicalBytes), DamageKind.Node);
        string damage = status != IoStatus.Ok
            ? $": no readable copy ({status})"
            : judge(index, buffer.Span[..pointer.LogicalBytes]) is { } wrong ? $": {wrong}" : "";
        buffer.Release();
        return damage;
    }

    private delegate string? LeafJudge(ulong index, ReadOnlySpan<byte> bytes);
}
