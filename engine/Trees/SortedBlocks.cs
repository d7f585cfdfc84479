using Cstor.Engine.Host;

namespace Cstor.Engine.Trees;

/// <summary>
/// The blocks of a frozen map in ascending order: milliseconds of sorting that a worker does.
/// </summary>
internal sealed class SortedBlocks(PendingMap map) : IOffloadedWork
{
    public ulong[] Blocks { get; private set; } = [];

    public void Execute()
    {
        Blocks = new ulong[map.Count];
        map.CopyBlocks(Blocks);
        Array.Sort(Blocks);
    }
}
