using Cstor.Engine.Trees;

namespace Cstor.Engine.Volumes;

/// <summary>The blocks of one volume of which parts are in memory: see <see cref="WriteBack"/>.</summary>
internal sealed class WriteBackParts(WriteBack all)
{
    private readonly Dictionary<ulong, WriteBackBlock> _blocks = [];

    public int Count => _blocks.Count;

    /// <summary>
    /// What is there is being written back so that nothing is left; no part is taken in meanwhile.
    /// </summary>
    public int SettlersCount { get; set; }

    /// <summary>Parts of a block, or null.</summary>
    public WriteBackBlock? Find(ulong block) =>
        _blocks.Count > 0 && _blocks.TryGetValue(block, out WriteBackBlock? found) ? found : null;

    public bool HasAnyIn(BlockRange range)
    {
        foreach (ulong block in _blocks.Keys)
            if (range.Contains(block))
                return true;
        return false;
    }

    public void Add(WriteBackBlock block) => _blocks.Add(block.Block, block);

    /// <summary>The block is another one now.</summary>
    public void Drop(ulong block)
    {
        if (_blocks.Count > 0 && _blocks.Remove(block, out WriteBackBlock? found)) all.Drop(found);
    }

    /// <summary>These blocks are others now.</summary>
    public void Drop(BlockRange range)
    {
        foreach ((ulong block, WriteBackBlock found) in _blocks)
        {
            if (!range.Contains(block)) continue;
            _blocks.Remove(block);
            all.Drop(found);
        }
    }

    /// <summary>The volume is another one now, or gone.</summary>
    public void Clear()
    {
        foreach (WriteBackBlock block in _blocks.Values) all.Drop(block);
        _blocks.Clear();
    }

    /// <summary>Why something cannot be written back, or Ok.</summary>
    public Host.IoStatus Failure()
    {
        foreach (WriteBackBlock block in _blocks.Values)
            if (block.LastStatus != Host.IoStatus.Ok)
                return block.LastStatus;
        return Host.IoStatus.Ok;
    }

    /// <summary>Blocks whose rest is damaged, so that their parts cannot be written back.</summary>
    public IReadOnlyList<ulong> Damaged(int most)
    {
        if (_blocks.Count == 0) return [];
        List<ulong> damaged = [];
        foreach (WriteBackBlock block in _blocks.Values)
            if (damaged.Count < most
                && block.LastStatus is Host.IoStatus.ChecksumMismatch or Host.IoStatus.DeviceError)
                damaged.Add(block.Block);
        return damaged;
    }

    public void MarkUnlogged()
    {
        foreach (WriteBackBlock block in _blocks.Values)
        {
            block.MarkUnlogged();
            all.List(block);
        }
    }
}
