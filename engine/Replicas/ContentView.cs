using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Replicas;

/// <summary>
/// A volume's blocks as a checkpoint found them, as a tree of content hashes with exactly the levels that its
/// size asks for. Two volumes of one size and block size are equal exactly if their roots' hashes are, and
/// differ only below nodes whose hashes differ, however they are compressed and wherever they lie. Nothing of
/// it is used again for other contents until it is closed. A snapshot can be looked at in the same way.
/// </summary>
public sealed class ContentView
{
    /// <summary>Children of a node.</summary>
    public const int Fanout = Layout.NodeFanout;

    private readonly PoolCore _pool;
    private readonly StreamGate _gate;
    private readonly TreeRoot _root;
    private readonly Snapshot? _snapshot;
    private bool _isClosed;

    internal ContentView(PoolCore pool, StreamGate gate, Volume volume)
    {
        _pool = pool;
        _gate = gate;
        pool.Ledger.Pin();
        _root = volume.Root;
        BlockCount = volume.BlockCount;
        Height = TreeGeometry.HeightFor(BlockCount);
    }

    /// <summary>Of a snapshot that is settled; it is not destroyed meanwhile.</summary>
    internal ContentView(PoolCore pool, StreamGate gate, Snapshot snapshot)
    {
        _pool = pool;
        _gate = gate;
        _snapshot = snapshot;
        snapshot.Users++;
        _root = snapshot.Tree.Durable.Root;
        BlockCount = snapshot.BlockCount;
        Height = TreeGeometry.HeightFor(BlockCount);
    }

    public ulong BlockCount { get; }

    /// <summary>Levels of nodes: the root's number. Blocks are level 0.</summary>
    public int Height { get; }

    /// <summary>Tree nodes that were looked at so far.</summary>
    public long NodesRead { get; private set; }

    /// <summary>Blocks below a child of a node.</summary>
    public static ulong ChildSpan(int level) => TreeGeometry.ChildSpan(level);

    /// <summary>The hash of everything.</summary>
    public async ValueTask<(IoStatus Status, Hash128 Hash)> RootHashAsync()
    {
        if (!TryEnter()) return (IoStatus.Closed, default);
        NodesRead++;
        (IoStatus, Hash128) root = await TreeContent.HashAsync(_pool.Loop, _pool.Trees, _root, BlockCount);
        _gate.Leave();
        return root;
    }

    /// <summary>The hashes of a node's children.</summary>
    /// <param name="level">1 (whose children are blocks) to <see cref="Height"/>.</param>
    /// <param name="first">First block below the node.</param>
    /// <param name="hashes"><see cref="Fanout"/> of them.</param>
    /// <returns>Aborted if the pool wants back what the view keeps: close it and take another.</returns>
    public async ValueTask<IoStatus> ChildHashesAsync(int level, ulong first, Memory<Hash128> hashes)
    {
        Check.That(level >= 1 && level <= Height && hashes.Length == Fanout);
        if (!TryEnter()) return IoStatus.Closed;
        bool isWanted = _snapshot is null && _pool.Ledger.IsReleaseWanted;
        IoStatus status = isWanted ? IoStatus.Aborted : await ReadAsync(level, first, hashes);
        _gate.Leave();
        return status;
    }

    /// <summary>Reads blocks of a snapshot.</summary>
    /// <param name="first">Of them.</param>
    /// <param name="into">As long as a number of blocks, which lie in one leaf or in several.</param>
    public async ValueTask<IoStatus> ReadBlocksAsync(ulong first, IoSlice into)
    {
        Check.That(_snapshot is not null && into.LengthBytes % _snapshot.BlockSizeBytes == 0);
        if (!TryEnter()) return IoStatus.Closed;
        IoBuffer? node = _pool.Loop.Buffers.TryRent(Layout.NodeBytes);
        IoStatus status = node is null ? IoStatus.NoMemory : IoStatus.Ok;
        into.Span.Clear();
        ulong count = (ulong)(into.LengthBytes / _snapshot.BlockSizeBytes);
        for (ulong i = 0; i < count && status == IoStatus.Ok; i++)
        {
            (status, BlockPointer pointer) = await FindAsync(first + i, node!);
            if (status == IoStatus.Ok && !pointer.IsHole)
                status = await _pool.Reader.ReadApartAsync(
                    pointer, into.Slice((int)i * _snapshot.BlockSizeBytes, _snapshot.BlockSizeBytes),
                    DamageKind.Data);
        }

        node?.Release();
        _gate.Leave();
        return status;
    }

    /// <summary>What it kept may be used again.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        if (_snapshot is null) _pool.Ledger.Unpin();
        else _snapshot.Users--;
    }

    private async ValueTask<(IoStatus Status, BlockPointer Pointer)> FindAsync(ulong block, IoBuffer node)
    {
        BlockPointer pointer = _root.Pointer;
        if (block >= TreeGeometry.NodeSpan(_root.Height)) return (IoStatus.Ok, default);
        for (int level = _root.Height; level > 0 && !pointer.IsHole; level--)
        {
            IoStatus status = await _pool.Trees.CopyNodeAsync(pointer, node);
            if (status != IoStatus.Ok) return (status, default);
            pointer = TreeReader.Entries(node)[TreeGeometry.ChildIndex(level, block)];
        }

        return (IoStatus.Ok, pointer);
    }

    private async ValueTask<IoStatus> ReadAsync(int level, ulong first, Memory<Hash128> hashes)
    {
        hashes.Span.Clear();
        if (first >= TreeGeometry.NodeSpan(_root.Height) || _root.Pointer.IsHole) return IoStatus.Ok;
        NodesRead++;
        if (level > _root.Height)
        {
            // The tree has yet to grow: all of it lies below the first child.
            hashes.Span[0] = TreeContent.Lift(_root.Pointer.ContentHash, _root.Height, level - 1);
            return IoStatus.Ok;
        }

        IoBuffer? node = _pool.Loop.Buffers.TryRent(Layout.NodeBytes);
        if (node is null) return IoStatus.NoMemory;
        BlockPointer pointer = _root.Pointer;
        IoStatus status = IoStatus.Ok;
        for (int at = _root.Height; !pointer.IsHole; at--)
        {
            status = await _pool.Trees.CopyNodeAsync(pointer, node);
            if (status != IoStatus.Ok || at == level) break;
            pointer = TreeReader.Entries(node)[TreeGeometry.ChildIndex(at, first)];
        }

        if (status == IoStatus.Ok && !pointer.IsHole) CopyHashes(node, hashes.Span);
        node.Release();
        return status;
    }

    private static void CopyHashes(IoBuffer node, Span<Hash128> hashes)
    {
        Span<BlockPointer> entries = TreeReader.Entries(node);
        for (int i = 0; i < entries.Length; i++) hashes[i] = entries[i].ContentHash;
    }

    private bool TryEnter()
    {
        if (!_isClosed && _gate.Enter()) return true;
        if (!_isClosed) _gate.Leave();
        return false;
    }
}
