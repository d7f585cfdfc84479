using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>A write of <see cref="AtomicWriter"/> under way, block by block. Pooled.</summary>
internal sealed class AtomicWrite(int mostBlocks)
{
    public bool[] IsZero { get; } = new bool[mostBlocks];

    public StoredBlock[] Stored { get; } = new StoredBlock[mostBlocks];

    public CompressedBlock[] Written { get; } = new CompressedBlock[mostBlocks];

    public BlockPointer[] Pointers { get; } = new BlockPointer[mostBlocks];
}
