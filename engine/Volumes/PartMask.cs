using System.Numerics;
using System.Runtime.CompilerServices;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>Which units of a block, of 512 bytes each, something holds for: at most 256.</summary>
[InlineArray(Words)]
internal struct PartMask
{
    private const int Words = 4;

    private ulong _word;

    /// <summary>Units that are in.</summary>
    public readonly int Count
    {
        get
        {
            int count = 0;
            foreach (ulong word in this) count += BitOperations.PopCount(word);
            return count;
        }
    }

    /// <summary>Takes the units of a part in.</summary>
    /// <param name="offsetBytes">A multiple of the unit.</param>
    /// <param name="lengthBytes">A multiple of the unit.</param>
    public void Add(int offsetBytes, int lengthBytes)
    {
        int end = (offsetBytes + lengthBytes) / LogPartRecord.UnitBytes;
        for (int unit = offsetBytes / LogPartRecord.UnitBytes; unit < end; unit++)
            this[unit >> 6] |= 1UL << (unit & 63);
    }

    /// <summary>The next run of bytes that is in, from an offset on.</summary>
    /// <param name="from">Where to begin; behind the run when there is one.</param>
    /// <param name="blockBytes">Where to end.</param>
    /// <param name="start">Where the run begins.</param>
    public readonly bool TryNext(ref int from, int blockBytes, out int start)
    {
        int units = blockBytes / LogPartRecord.UnitBytes;
        int unit = from / LogPartRecord.UnitBytes;
        while (unit < units && !Has(unit)) unit++;
        start = unit * LogPartRecord.UnitBytes;
        while (unit < units && Has(unit)) unit++;
        from = unit * LogPartRecord.UnitBytes;
        return from > start;
    }

    private readonly bool Has(int unit) => (this[unit >> 6] >> (unit & 63) & 1) != 0;
}
