using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>The reference: byte by byte, by the definition.</summary>
internal static class ScalarParity
{
    public static void Generate(ReadOnlySpan<ColumnBytes> data, ReadOnlySpan<ColumnBytes> parity)
    {
        for (int row = 0; row < parity.Length; row++)
        {
            Span<byte> sum = parity[row].Span;
            sum.Clear();
            for (int column = 0; column < data.Length; column++)
                AddScaled(sum, data[column].Span, GaloisField.Coefficient(row, column, data.Length));
        }
    }

    public static void Reconstruct(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        ReadOnlySpan<int> lostData,
        ReadOnlySpan<int> usedParity)
    {
        int count = lostData.Length;
        byte[,] matrix = new byte[count, count];
        byte[][] sums = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            sums[i] = parity[usedParity[i]].Span.ToArray();
            for (int column = 0; column < data.Length; column++)
            {
                byte factor = GaloisField.Coefficient(usedParity[i], column, data.Length);
                int lost = lostData.IndexOf(column);
                if (lost >= 0) matrix[i, lost] = factor;
                else AddScaled(sums[i], data[column].Span, factor);
            }
        }

        Solve(matrix, sums);
        for (int i = 0; i < count; i++)
        {
            Span<byte> lost = data[lostData[i]].Span;
            sums[i].AsSpan(0, lost.Length).CopyTo(lost);
        }
    }

    // Gauss and Jordan; no row is zero, because every minor of the coefficients is regular.
    private static void Solve(byte[,] matrix, byte[][] sums)
    {
        int count = sums.Length;
        for (int pivot = 0; pivot < count; pivot++)
        {
            int row = pivot;
            while (matrix[row, pivot] == 0) row++;
            for (int i = 0; i < count; i++)
                (matrix[row, i], matrix[pivot, i]) = (matrix[pivot, i], matrix[row, i]);
            (sums[row], sums[pivot]) = (sums[pivot], sums[row]);
            byte inverse = GaloisField.Inverse(matrix[pivot, pivot]);
            for (int i = 0; i < count; i++)
                matrix[pivot, i] = GaloisField.Multiply(matrix[pivot, i], inverse);
            Scale(sums[pivot], inverse);
            for (int other = 0; other < count; other++)
            {
                byte factor = matrix[other, pivot];
                if (other == pivot || factor == 0) continue;
                for (int i = 0; i < count; i++)
                    matrix[other, i] ^= GaloisField.Multiply(matrix[pivot, i], factor);
                AddScaled(sums[other], sums[pivot], factor);
            }
        }
    }

    private static void AddScaled(Span<byte> sum, ReadOnlySpan<byte> column, byte factor)
    {
        Check.That(column.Length <= sum.Length);
        for (int i = 0; i < column.Length; i++) sum[i] ^= GaloisField.Multiply(column[i], factor);
    }

    private static void Scale(Span<byte> column, byte factor)
    {
        for (int i = 0; i < column.Length; i++) column[i] = GaloisField.Multiply(column[i], factor);
    }
}
