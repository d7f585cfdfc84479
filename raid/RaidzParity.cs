// Parity of raidz over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 and the generator 2. With data
// columns D0 .. Dn-1, all padded with zeroes to the longest:
//   P = sum Di      Q = sum 2^(n-1-i) Di      R = sum 4^(n-1-i) Di
// Any as many lost data columns as parity columns at hand can be solved for: the coefficients of each choice
// of rows form a Vandermonde-like matrix of distinct points, which is regular for up to 255 columns.
using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>Computes parity, and lost data from it. Allocates nothing on a processor with AVX2.</summary>
public static class RaidzParity
{
    /// <summary>Fills the parity columns: one makes P, two P and Q, three P, Q and R.</summary>
    /// <param name="data">At most 255, none longer than the one before.</param>
    /// <param name="parity">None of them overlaps any other column.</param>
    public static void Generate(ReadOnlySpan<ColumnBytes> data, ReadOnlySpan<ColumnBytes> parity)
    {
        CheckColumns(data, parity);
        foreach (ColumnBytes column in parity) Check.That(column.LengthBytes == parity[0].LengthBytes);
        if (Lanes.IsSupported) VectorParity.Generate(data, parity);
        else ScalarParity.Generate(data, parity);
    }

    /// <summary>Rebuilds lost data columns in place.</summary>
    /// <param name="data">All data columns; what the lost ones hold now does not matter.</param>
    /// <param name="parity">All parity columns; those not in <paramref name="usedParity"/> are not
    /// read.</param>
    /// <param name="lostData">Indexes of the lost data columns, ascending, at least one.</param>
    /// <param name="usedParity">As many indexes of good parity columns, ascending.</param>
    public static void Reconstruct(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        ReadOnlySpan<int> lostData,
        ReadOnlySpan<int> usedParity)
    {
        CheckColumns(data, parity);
        CheckAscending(lostData, data.Length);
        CheckAscending(usedParity, parity.Length);
        Check.That(lostData.Length is >= 1 and <= 3 && lostData.Length == usedParity.Length);
        if (Lanes.IsSupported) VectorParity.Reconstruct(data, parity, lostData, usedParity);
        else ScalarParity.Reconstruct(data, parity, lostData, usedParity);
    }

    private static void CheckColumns(ReadOnlySpan<ColumnBytes> data, ReadOnlySpan<ColumnBytes> parity)
    {
        Check.That(data.Length is >= 1 and <= 255 && parity.Length is >= 1 and <= 3);

        // All at once, by the signs: for small columns a branch for each would show.
        unchecked
        {
            int longest = data[0].LengthBytes;
            int previous = longest;
            int signs = 0;
            foreach (ColumnBytes column in data)
            {
                signs |= column.LengthBytes | (previous - column.LengthBytes);
                previous = column.LengthBytes;
            }

            foreach (ColumnBytes column in parity)
                signs |= column.LengthBytes | (column.LengthBytes - longest);
            Check.That(signs >= 0);
        }
    }

    private static void CheckAscending(ReadOnlySpan<int> indexes, int count)
    {
        int previous = -1;
        foreach (int index in indexes)
        {
            Check.That(index > previous && index < count);
            previous = index;
        }
    }
}
