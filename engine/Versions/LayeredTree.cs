using System.Runtime.InteropServices;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// A version's blocks: a durable tree, and over it the layers that checkpoints have yet to bring in, each
/// newer than the one before. Taking a snapshot or making a clone copies this list and nothing else.
/// </summary>
internal sealed class LayeredTree(TreeState state) : IDisposable
{
    private readonly List<Layer> _layers = [];

    /// <summary>The durable tree.</summary>
    public TreeState Durable { get; private set; } = state;

    public ReadOnlySpan<Layer> Layers => CollectionsMarshal.AsSpan(_layers);

    /// <summary>The block's pointer, or (false) that of the tree node that must be loaded first.</summary>
    public bool TryFind(TreeReader trees, ulong block, out BlockPointer pointer)
    {
        for (int i = _layers.Count - 1; i >= 0; i--)
            if (_layers[i].Map.TryGet(block, out pointer))
                return true;
        return trees.TryFind(Durable.Root, block, out pointer);
    }

    /// <summary>How many blocks from one on are holes at a glance; 0 if that takes a closer look.</summary>
    public ulong CountUnreached(TreeReader trees, ulong block, ulong limit)
    {
        ulong count = Math.Min(trees.CountUnreached(Durable.Root, block), limit);
        foreach (Layer layer in _layers)
            if (count > 0 && layer.Map.HasAnyIn(new BlockRange(block, count)))
                return 0;
        return count;
    }

    /// <summary>Adds what is newest.</summary>
    public void Add(Layer layer)
    {
        layer.Retain();
        _layers.Add(layer);
    }

    /// <summary>A version that begins as this one is.</summary>
    public LayeredTree Fork()
    {
        LayeredTree fork = new(Durable);
        foreach (Layer layer in _layers) fork.Add(layer);
        return fork;
    }

    /// <summary>Takes over what a checkpoint has made durable.</summary>
    public void Settle()
    {
        int settled = 0;
        while (settled < _layers.Count && _layers[settled].IsDurable) settled++;
        if (settled == 0) return;
        Durable = _layers[settled - 1].Result!.Value;
        for (int i = 0; i < settled; i++) _layers[i].Release();
        _layers.RemoveRange(0, settled);
    }

    /// <summary>The durable tree of a version that is being erased is another one now.</summary>
    public void Replace(TreeState state)
    {
        Check.That(_layers.Count == 0);
        Durable = state;
    }

    public void Dispose()
    {
        foreach (Layer layer in _layers) layer.Release();
        _layers.Clear();
    }
}
