namespace Cstor.Engine.Trees;

/// <summary>A run of a volume's blocks.</summary>
internal readonly record struct BlockRange(ulong First, ulong Count)
{
    /// <summary>Every block that any volume could have.</summary>
    public static BlockRange All => new(0, long.MaxValue);

    /// <summary>First block behind the run.</summary>
    public ulong End => First + Count;

    public bool Contains(ulong block) => block >= First && block < End;

    public bool Overlaps(BlockRange other) => First < other.End && other.First < End;
}
