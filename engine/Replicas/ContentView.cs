using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Replicas;

/// <summary>
/// A volume's blocks as a checkpoint found them, as a tree of content hashes with exactly the levels that its
/// size asks for. Two volumes of one size and block size are equal exactly if their roots' hashes are, and
/// differ only below nodes whose hashes differ, however they are compressed and wherever they lie. Nothing of
/// it is used again for other contents until it is closed.
/// </summary>
public sealed class ContentView
{
    /// <summary>Children of a node.</summary>
    public const int Fanout = Layout.NodeFanout;

    private readonly PoolCore _pool;
    private readonly StreamGate _gate;
    private readonly TreeRoot _root;
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
        IoStatus status = _pool.Ledger.IsReleaseWanted ? IoStatus.Aborted : IoStatus.Ok;
        if (status == IoStatus.Ok) status = await ReadAsync(level, first, hashes);
        _gate.Leave();
        return status;
    }

    /// <summary>What it kept may be used again.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        _pool.Ledger.Unpin();
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
