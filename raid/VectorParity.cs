// The lengths of the columns cut the block into segments; within one, the first columns are there and those
// behind them are zero.
//
// Lost columns are found in three steps over a strip short enough to stay in the first-level cache. If P is
// at hand, the last lost column first becomes P and all known columns summed: what the lost ones sum up to.
// Taken as if it were known data, it makes each further row a sum of the other lost columns alone, with the
// coefficients (their own + that of the last). One or two rows are left, to be multiplied by the inverse, and
// what comes out is taken from the last column. So the larger part is the same work as making parity.
using System.Runtime.CompilerServices;

namespace Cstor.Raid;

/// <summary>Parity with vectors of one kind; see <see cref="RaidzParity"/>.</summary>
internal static unsafe class VectorParity
{
    // Of the first-level cache, for all columns together.
    private const int StripsBytes = 20 << 10;

    public static void Generate(ReadOnlySpan<ColumnBytes> data, ReadOnlySpan<ColumnBytes> parity)
    {
        RowBytes rows = new()
        {
            P = (byte*)parity[0].Address,
            Q = parity.Length > 1 ? (byte*)parity[1].Address : null,
            R = parity.Length > 2 ? (byte*)parity[2].Address : null,
        };
        int from = FewParity.Generate(data, parity.Length, rows);
        if (from < parity[0].LengthBytes) Generate(data, parity, rows, from);
    }

    [SkipLocalsInit]
    private static void Generate(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        in RowBytes rows,
        int from)
    {
        byte** columns = stackalloc byte*[data.Length];
        for (int i = 0; i < data.Length; i++) columns[i] = (byte*)data[i].Address;
        int length = parity[0].LengthBytes;
        int count = data.Length;
        int to;
        for (; from < length; from = to)
        {
            while (count > 0 && data[count - 1].LengthBytes <= from) count--;
            to = count == 0 ? length : data[count - 1].LengthBytes;
            int zeroes = data.Length - count;
            if (parity.Length == 3)
                HornerKernel<Rows.PQAndR>.Run(columns, count, zeroes, rows, from, to);
            else if (parity.Length == 2)
                HornerKernel<Rows.PAndQ>.Run(columns, count, zeroes, rows, from, to);
            else if (count == 0)
                new Span<byte>(rows.P + from, to - from).Clear();
            else
                XorKernel.Run(columns, count, rows.P, from, to);
        }
    }

    public static void Reconstruct(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        ReadOnlySpan<int> lostData,
        ReadOnlySpan<int> usedParity)
    {
        int start = FewParity.Reconstruct(data, parity, lostData, usedParity);
        if (start > 0 && start == data[0].LengthBytes) return;
        int present = data.Length;
        int count = lostData.Length;
        int to;
        for (int from = start; ; from = to)
        {
            // Columns that end before are known here, so fewer rows will do.
            while (present > 0 && data[present - 1].LengthBytes <= from) present--;
            while (count > 0 && lostData[count - 1] >= present) count--;
            if (count == 0) return;
            to = data[present - 1].LengthBytes;
            Reconstruct(data, parity, present, lostData[..count], usedParity[..count], from, to);
        }
    }

    [SkipLocalsInit]
    private static void Reconstruct(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        int count,
        ReadOnlySpan<int> lost,
        ReadOnlySpan<int> used,
        nint from,
        nint to)
    {
        int zeroes = data.Length - count;
        // Room for one more: P is summed like a column.
        byte** columns = stackalloc byte*[count + 1];
        byte** known = stackalloc byte*[count + 1];
        for (int i = 0; i < count; i++) columns[i] = (byte*)data[i].Address;
        foreach (int index in lost) columns[index] = null;

        byte* last = null;
        int lastIndex = -1;
        int knownCount = 0;
        if (used[0] == 0)
        {
            lastIndex = lost[^1];
            last = (byte*)data[lastIndex].Address;
            columns[count] = (byte*)parity[0].Address;
            knownCount = Compact(columns, count + 1, known);
            columns[lastIndex] = last;
            lost = lost[..^1];
            used = used[1..];
        }

        byte* tables = stackalloc byte[4 * SolveKernel.TableBytes];
        RowBytes rows = Prepare(data, parity, lost, used, lastIndex, tables);
        byte* x = lost.Length > 0 ? (byte*)data[lost[0]].Address : null;
        byte* y = lost.Length > 1 ? (byte*)data[lost[1]].Address : null;
        if (last != null && rows.Q != null && rows.R == null && lost.Length == 1)
        {
            columns[lost[0]] = x;
            PairBytes pair = new(known, knownCount, columns, count, zeroes, lost[0], lastIndex)
            {
                Q = rows.AddToQ,
                Table = tables,
            };
            from = PairKernel.Run(pair, from, to);
            columns[lost[0]] = null;
        }

        nint strip = Math.Clamp(StripsBytes / (count + used.Length) & ~511, 512, 8192);
        nint end;
        for (; from < to; from = end)
        {
            end = to - from < strip + 512 ? to : from + strip;
            if (last != null) XorKernel.Run(known, knownCount, last, from, end);
            if (lost.Length == 0) continue;
            Sum(columns, count, zeroes, rows, from, end);
            if (lost.Length == 1) SolveKernel.One(tables, x, last, from, end);
            else SolveKernel.Two(tables, x, y, last, from, end);
        }
    }

    private static void Sum(byte** columns, int count, int zeroes, in RowBytes rows, nint from, nint to)
    {
        if (rows.R == null)
            HornerKernel<Rows.OnlyQ>.Run(columns, count, zeroes, rows, from, to);
        else if (rows.Q == null)
            HornerKernel<Rows.OnlyR>.Run(columns, count, zeroes, rows, from, to);
        else
            HornerKernel<Rows.QAndR>.Run(columns, count, zeroes, rows, from, to);
    }

    /// <summary>The rows that go to the place of lost columns, and the factors that make these of them.
    /// </summary>
    private static RowBytes Prepare(
        ReadOnlySpan<ColumnBytes> data,
        ReadOnlySpan<ColumnBytes> parity,
        ReadOnlySpan<int> lost,
        ReadOnlySpan<int> used,
        int lastIndex,
        byte* tables)
    {
        RowBytes rows = default;
        Span<byte> factors = stackalloc byte[4];
        factors.Clear();
        for (int i = 0; i < used.Length; i++)
        {
            byte* row = (byte*)parity[used[i]].Address;
            byte* target = (byte*)data[lost[i]].Address;
            rows = used[i] == 1
                ? rows with { Q = target, AddToQ = row }
                : rows with { R = target, AddToR = row };
            byte ofLast = lastIndex < 0
                ? (byte)0
                : GaloisField.Coefficient(used[i], lastIndex, data.Length);
            for (int j = 0; j < lost.Length; j++)
            {
                factors[(i * 2) + j] =
                    (byte)(GaloisField.Coefficient(used[i], lost[j], data.Length) ^ ofLast);
            }
        }

        if (lost.Length == 1) factors[0] = GaloisField.Inverse(factors[0]);
        if (lost.Length == 2) Invert(factors);
        int tableCount = lost.Length * lost.Length;
        for (int i = 0; i < tableCount; i++)
            SolveKernel.FillTable(tables + (i * SolveKernel.TableBytes), factors[i]);
        return rows;
    }

    // (a b, c d) becomes (d b, c a) / (ad + bc); signs do not matter in this field.
    private static void Invert(Span<byte> matrix)
    {
        byte determinant = (byte)(GaloisField.Multiply(matrix[0], matrix[3])
            ^ GaloisField.Multiply(matrix[1], matrix[2]));
        (matrix[0], matrix[3]) = (matrix[3], matrix[0]);
        byte inverse = GaloisField.Inverse(determinant);
        foreach (ref byte factor in matrix) factor = GaloisField.Multiply(factor, inverse);
    }

    // Leaves out columns of zeroes.
    private static int Compact(byte** columns, int count, byte** compacted)
    {
        int kept = 0;
        for (int i = 0; i < count; i++)
            if (columns[i] != null) compacted[kept++] = columns[i];
        return kept;
    }
}
