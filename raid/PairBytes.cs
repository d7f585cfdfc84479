namespace Cstor.Raid;

/// <summary>Two lost columns, and what there is to find them.</summary>
/// <param name="known">The known data columns, and P.</param>
/// <param name="knownCount">How many.</param>
/// <param name="columns">All data columns up to the last that is not zero.</param>
/// <param name="count">How many.</param>
/// <param name="zeroes">Columns of zeroes behind them.</param>
/// <param name="first">Index of the first lost column.</param>
/// <param name="second">Index of the second.</param>
internal readonly unsafe struct PairBytes(
    byte** known,
    int knownCount,
    byte** columns,
    int count,
    int zeroes,
    int first,
    int second)
{
    public byte** Known { get; } = known;

    public int KnownCount { get; } = knownCount;

    public byte** Columns { get; } = columns;

    public int Count { get; } = count;

    public int Zeroes { get; } = zeroes;

    public int First { get; } = first;

    public int Second { get; } = second;

    public byte* Q { get; init; }

    /// <summary>For the factor that makes the first lost column of what is left of Q.</summary>
    public byte* Table { get; init; }
}
