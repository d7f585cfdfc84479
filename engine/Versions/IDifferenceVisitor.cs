using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>Who is told where two trees differ; see <see cref="TreeDifference"/>.</summary>
internal interface IDifferenceVisitor
{
    /// <summary>Two pointers at the same place differ; either may be a hole.</summary>
    /// <param name="level">0 for a block, else that of the nodes.</param>
    /// <param name="first">The block, or the first one below the nodes.</param>
    /// <param name="older">What the first tree has there.</param>
    /// <param name="newer">What the second tree has there.</param>
    ValueTask<Descent> VisitAsync(int level, ulong first, BlockPointer older, BlockPointer newer);
}
