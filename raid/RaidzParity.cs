// Parity of raidz over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 and the generator 2. With data
// columns D0 .. Dn-1, all padded with zeroes to the longest:
//   P = sum Di      Q = sum 2^(n-1-i) Di      R = sum 4^(n-1-i) Di
// Any as many lost data columns as parity columns at hand can be solved for: the coefficients of each choice
// of rows form a Vandermonde-like matrix of distinct points, which is regular for up to 255 columns.
using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>Computes parity, and lost data from it.</summary>
public static class RaidzParity
{
    /// <summary>Fills the parity columns: one makes P, two P and Q, three P, Q and R.</summary>
    public static void Generate(ReadOnlySpan<ColumnBytes> data, ReadOnlySpan<ColumnBytes> parity) =>
        ScalarParity.Generate(data, parity);

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
        Check.That(lostData.Length is >= 1 and <= 3 && lostData.Length == usedParity.Length);
        ScalarParity.Reconstruct(data, parity, lostData, usedParity);
    }
}
