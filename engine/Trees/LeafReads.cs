using System.Diagnostics.CodeAnalysis;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Trees;

/// <summary>
/// Leaves that an update will change next, read ahead in the order in which it comes to them: one at a time
/// they would cost a trip to the device each.
/// </summary>
internal sealed class LeafReads(ILoop loop, TreeReader reader)
{
    private readonly Queue<(BlockPointer Leaf, IoBuffer Buffer, ValueTask<IoStatus> Read)> _reads = [];

    /// <summary>Leaves on the way or waiting to be taken.</summary>
    public int Count => _reads.Count;

    /// <summary>Begins to read one more.</summary>
    [SuppressMessage("Reliability", "CA2012", Justification = "Who takes it awaits it once.")]
    public void Add(in BlockPointer leaf)
    {
        IoBuffer buffer = loop.Buffers.Rent(Layout.NodeBytes);
        _reads.Enqueue((leaf, buffer, reader.CopyNodeAsync(leaf, buffer)));
    }

    /// <summary>Hands over the oldest, if it is the wanted one.</summary>
    /// <param name="leaf">The wanted one.</param>
    /// <param name="buffer">The caller's from now on; has the leaf when the read has ended well.</param>
    /// <param name="read">To be awaited before the buffer is used or released.</param>
    public bool TryTake(in BlockPointer leaf, out IoBuffer buffer, out ValueTask<IoStatus> read)
    {
        bool isNext = _reads.TryPeek(out var first) && first.Leaf == leaf;
        (buffer, read) = isNext ? (first.Buffer, first.Read) : (null!, default);
        if (isNext) _reads.Dequeue();
        return isNext;
    }

    /// <summary>Forgets what nobody will take any more.</summary>
    public async ValueTask DrainAsync()
    {
        while (_reads.TryDequeue(out var left))
        {
            await left.Read;
            left.Buffer.Release();
        }
    }
}
