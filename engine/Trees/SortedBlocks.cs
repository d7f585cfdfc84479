using Cstor.Engine.Host;
using Cstor.Engine.Memory;

namespace Cstor.Engine.Trees;

/// <summary>
/// The blocks of a frozen map in ascending order: milliseconds of sorting that a worker does.
/// </summary>
internal sealed class SortedBlocks : IOffloadedWork, IDisposable
{
    private readonly PendingMap _map;
    private readonly NativeArray<ulong> _blocks;

    public SortedBlocks(PendingMap map)
    {
        _map = map;
        _blocks = new NativeArray<ulong>(Math.Max(1, map.Count));
    }

    public int Count => _map.Count;

    public ulong this[int index] => _blocks[index];

    public void Execute()
    {
        Span<ulong> blocks = _blocks.Span(0, Count);
        _map.CopyBlocks(blocks);
        blocks.Sort();
    }

    public void Dispose() => _blocks.Dispose();
}
