using System.Runtime.Intrinsics;

namespace Cstor.Raid;

/// <summary>Two lost columns of few, all of the same length, and what there is to find them.</summary>
internal readonly unsafe struct FewPair
{
    /// <summary>Index of the first lost column.</summary>
    public int FirstIndex { get; init; }

    /// <summary>Index of the second.</summary>
    public int SecondIndex { get; init; }

    public byte* P { get; init; }

    public byte* Q { get; init; }

    /// <summary>The first lost column.</summary>
    public byte* First { get; init; }

    /// <summary>The second.</summary>
    public byte* Second { get; init; }

    /// <summary>How many lost columns follow each known one: two bits for each, from the lowest.</summary>
    public int Gaps { get; init; }

    /// <summary>By how many doublings 2^b p is made, or -1 if it takes a product.</summary>
    public int Doublings { get; init; }

    /// <summary>Products with 1 / (2^a + 2^b), see <see cref="Lanes.Products"/>, and the bias taken off.
    /// </summary>
    public Vector256<byte> Table { get; init; }

    /// <summary>Products with 2^b, if <see cref="Doublings"/> is -1.</summary>
    public Vector256<byte> TableOfP { get; init; }
}
