// What most calls are: few columns, all of the same length. The fixed cost of a call counts as much as the
// kernels here, because the columns of a small block are short: so there is no array of addresses to fill,
// no loop and hardly a branch before the kernel. Each returns up to where it went: whole steps of what all
// columns have in common. The rest is for VectorParity.
using System.Runtime.Intrinsics;

namespace Cstor.Raid;

/// <summary>Parity of few columns, and two lost ones from P and Q.</summary>
internal static unsafe class FewParity
{
    // Of a vector, before a product is cheaper.
    private const int MaxDoublings = 2;

    public static int Generate(ReadOnlySpan<ColumnBytes> data, int rowCount, in RowBytes rows)
    {
        if (data.Length < 2 || rowCount > 2) return 0;
        nint to = data[^1].LengthBytes;
        if (rowCount == 1)
        {
            return (int)(data.Length switch
            {
                2 => FewKernel<Counts.Two>.Sum(data, rows.P, to),
                3 => FewKernel<Counts.Three>.Sum(data, rows.P, to),
                4 => FewKernel<Counts.Four>.Sum(data, rows.P, to),
                5 => FewKernel<Counts.Five>.Sum(data, rows.P, to),
                6 => FewKernel<Counts.Six>.Sum(data, rows.P, to),
                7 => FewKernel<Counts.Seven>.Sum(data, rows.P, to),
                8 => FewKernel<Counts.Eight>.Sum(data, rows.P, to),
                _ => 0,
            });
        }

        byte bias = Lanes.BiasAfter(data.Length - 1);
        return (int)(data.Length switch
        {
            2 => FewKernel<Counts.Two>.PAndQ(data, rows, to, bias, 0),
            3 => FewKernel<Counts.Three>.PAndQ(data, rows, to, bias, 0),
            4 => FewKernel<Counts.Four>.PAndQ(data, rows, to, bias, 0),
            5 => FewKernel<Counts.Five>.PAndQ(data, rows, to, bias, 0),
            6 => FewKernel<Counts.Six>.PAndQ(data, rows, to, bias, 0),
            7 => FewKernel<Counts.Seven>.PAndQ(data, rows, to, bias, 0),
            8 => FewKernel<Counts.Eight>.PAndQ(data, rows, to, bias, 0),
            _ => 0,
        });
    }

    public static int Reconstruct(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        ReadOnlySpan<int> lost,
        ReadOnlySpan<int> used)
    {
        if (data.Length is < 3 or > Counts.Few || lost.Length != 2 || used[1] != 1) return 0;
        FewPair pair = Pair(data, parity, lost[0], lost[1]);
        nint to = data[^1].LengthBytes;
        return (int)(data.Length switch
        {
            3 => FewPairKernel<Counts.One>.Run(data, pair, to, 0),
            4 => FewPairKernel<Counts.Two>.Run(data, pair, to, 0),
            5 => FewPairKernel<Counts.Three>.Run(data, pair, to, 0),
            6 => FewPairKernel<Counts.Four>.Run(data, pair, to, 0),
            7 => FewPairKernel<Counts.Five>.Run(data, pair, to, 0),
            _ => FewPairKernel<Counts.Six>.Run(data, pair, to, 0),
        });
    }

    private static FewPair Pair(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        int first,
        int second)
    {
        unchecked
        {
            int leading = first > 0 ? 0 : second > 1 ? 1 : 2;
            int trailing = data.Length - 1 - second;
            int doublings = trailing <= MaxDoublings ? trailing : -1;
            ReadOnlySpan<byte> powers = GaloisField.Powers;
            byte factor = GaloisField.Inverse((byte)(powers[data.Length - 1 - first] ^ powers[trailing]));
            byte bias = (byte)(Lanes.BiasAfter(data.Length - 1 - leading)
                ^ Lanes.BiasAfter(Math.Max(doublings, 0)));
            // Each byte is looked up in both halves of its table: that of the first takes off the bias.
            Vector256<byte> productOfBias = Vector256.Create(
                Vector128.Create(GaloisField.Multiply(factor, bias)),
                Vector128<byte>.Zero);
            return new FewPair
            {
                FirstIndex = first,
                SecondIndex = second,
                P = (byte*)parity[0].Address,
                Q = (byte*)parity[1].Address,
                First = (byte*)data[first].Address,
                Second = (byte*)data[second].Address,
                Gaps = ((1 << (2 * first)) >> 2) + ((1 << (2 * (second - 1))) >> 2),
                Doublings = doublings,
                Table = Lanes.Products(factor) ^ productOfBias,
                TableOfP = doublings >= 0 ? default : Lanes.Products(powers[trailing]),
            };
        }
    }
}
