using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>How long a stream would be, from the pointers alone.</summary>
internal sealed class StreamEstimate : IDifferenceVisitor
{
    /// <summary>Beginning and end, and each block with its header; what holes take is not counted.</summary>
    public long Bytes { get; private set; } = (2 * StreamRecordHeader.Bytes) + StreamBegin.Bytes;

    public ulong Blocks { get; private set; }

    public ValueTask<Descent> VisitAsync(int level, ulong first, BlockPointer older, BlockPointer newer)
    {
        bool isSame = !older.IsHole && older.ContentHash == newer.ContentHash;
        if (newer.IsHole || isSame) return new ValueTask<Descent>(Descent.Skip);
        if (level > 0) return new ValueTask<Descent>(Descent.Enter);
        Bytes += StreamRecordHeader.Bytes + newer.PhysicalBytes;
        Blocks++;
        return new ValueTask<Descent>(Descent.Skip);
    }
}
