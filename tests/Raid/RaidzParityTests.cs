using Cstor.PoolLayout;
using Cstor.Raid;
using Xunit;

namespace Cstor.Tests.Raid;

public sealed class RaidzParityTests
{
    private const int BytesLongerThanAStrip = 20_011;

    public static TheoryData<int> Widths => [.. Enumerable.Range(1, 20), 64, 254, 255];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Vectors_make_the_parity_that_the_definition_makes(int width)
    {
        Random random = new(width);
        foreach (int length in (int[])[1, 31, 32, 33, 127, 128, 200, 511, 1000])
            for (int parity = 1; parity <= 3; parity++)
                GeneratesLikeTheReference(Even(width, length), parity, random);
    }

    [Fact]
    public void Every_length_up_to_200_bytes_and_some_large_ones_are_right()
    {
        Random random = new(1);
        foreach (int length in (int[])[.. Enumerable.Range(1, 200), 4095, 4096, 4097, 40_001, 131_072])
        {
            int width = 1 + (length % 7);
            for (int parity = 1; parity <= 3; parity++)
            {
                GeneratesLikeTheReference(Even(width, length), parity, random);
                if (width < parity) continue;
                using Columns columns = Generated(Even(width, length), parity, random, length % 32);
                RebuildsEveryLoss(columns, random);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Any_lost_data_columns_come_back_from_any_parity_rows(int width)
    {
        Random random = new(width);
        int length = width > 20 ? 97 : 331;
        using Columns columns = Generated(Even(width, length), 3, random, 3);
        RebuildsEveryLoss(columns, random);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(11)]
    public void A_repair_is_right_across_the_strips_it_is_done_in(int width)
    {
        Random random = new(width);
        using Columns columns = Generated(Even(width, BytesLongerThanAStrip), 3, random, 0);
        RebuildsEveryLoss(columns, random);
    }

    [Fact]
    public void Columns_that_end_early_count_as_padded_with_zeroes()
    {
        Random random = new(2);
        int[][] shapes =
        [
            [300, 200], [8192, 4096, 4096], [4096, 4096, 0], [500, 499, 498, 31, 1, 0],
            [160, 160, 128, 128, 128, 96, 64, 5], [33, 1, 1, 1], [7, 3], [9000, 8999, 8998, 160, 150],
        ];
        foreach (int[] shape in shapes)
        {
            for (int parity = 1; parity <= 3; parity++)
            {
                GeneratesLikeTheReference(shape, parity, random);
                using Columns columns = Generated(shape, parity, random, 1);
                RebuildsEveryLoss(columns, random);
            }
        }
    }

    [Fact]
    public void Parity_of_known_bytes_is_what_the_formula_says()
    {
        // P = 1 + 2 + 128; Q = 4 * 1 + 2 * 2 + 128; R = 16 * 1 + 4 * 2 + 128.
        using Columns columns = new([1, 1, 1], 3, new Random(0));
        (columns.Data[0].Span[0], columns.Data[1].Span[0], columns.Data[2].Span[0]) = (1, 2, 128);
        RaidzParity.Generate(columns.Data, columns.Parity);
        Assert.Equal((131, 128, 152), FirstParity(columns));

        // Here products leave the byte: 4 * 128 = 512 and 512 + 0x23A = 0x3A; 16 * 128 = 0x800, which is
        // 0x1D * 8 = 0xE8. 2 * 64 = 128, 4 * 64 = 256 = 0x1D.
        (columns.Data[0].Span[0], columns.Data[1].Span[0], columns.Data[2].Span[0]) = (128, 64, 0);
        RaidzParity.Generate(columns.Data, columns.Parity);
        Assert.Equal((192, 0x3A ^ 128, 0xE8 ^ 0x1D), FirstParity(columns));
    }

    [Fact]
    public void Each_column_has_its_own_power_of_two_in_Q_and_of_four_in_R()
    {
        // One byte of 1 in one column alone shows that column's coefficient. Long division by the polynomial
        // is another way to the powers than tables.
        const int Width = 255;
        using Columns columns = new(Even(Width, 40), 3, new Random(0));
        for (int column = 0; column < Width; column++)
        {
            columns.Data[column == 0 ? Width - 1 : column - 1].Span.Clear();
            if (column == 0)
                foreach (ColumnBytes data in columns.Data) data.Span.Clear();
            columns.Data[column].Span.Fill(1);
            RaidzParity.Generate(columns.Data, columns.Parity);
            int power = Width - 1 - column;
            byte q = PowerByDivision(power);
            byte r = PowerByDivision(2 * power);
            Assert.True(columns.Parity[0].Span.IndexOfAnyExcept((byte)1) < 0, $"P of column {column}");
            Assert.True(columns.Parity[1].Span.IndexOfAnyExcept(q) < 0, $"Q of column {column}");
            Assert.True(columns.Parity[2].Span.IndexOfAnyExcept(r) < 0, $"R of column {column}");
        }
    }

    [Fact]
    public void Parity_and_repair_allocate_nothing()
    {
        using Columns columns = Generated([4096, 4096, 4096, 4096, 0], 3, new Random(3), 0);
        ReadOnlySpan<int> lost = [0, 2, 3];
        ReadOnlySpan<int> used = [0, 1, 2];
        RaidzParity.Reconstruct(columns.Data, columns.Parity, lost, used);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int count = 1; count <= 3; count++)
        {
            RaidzParity.Generate(columns.Data, columns.Parity.AsSpan(0, count));
            RaidzParity.Reconstruct(columns.Data, columns.Parity, lost[..count], used[..count]);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Columns_that_make_no_block_are_a_bug()
    {
        using Columns columns = new([100, 200], 2, new Random(4));
        Assert.Throws<CheckFailedException>(() => RaidzParity.Generate(columns.Data, columns.Parity));
        using Columns even = Generated([100, 100], 2, new Random(4), 0);
        Assert.Throws<CheckFailedException>(
            () => RaidzParity.Reconstruct(even.Data, even.Parity, [1, 0], [0, 1]));
        Assert.Throws<CheckFailedException>(
            () => RaidzParity.Reconstruct(even.Data, even.Parity, [0, 1], [0]));
        Assert.Throws<CheckFailedException>(
            () => RaidzParity.Reconstruct(even.Data, even.Parity, [0], [2]));
    }

    private static int[] Even(int width, int length) => [.. Enumerable.Repeat(length, width)];

    private static (int P, int Q, int R) FirstParity(Columns columns) =>
        (columns.Parity[0].Span[0], columns.Parity[1].Span[0], columns.Parity[2].Span[0]);

    private static byte PowerByDivision(int power)
    {
        System.Numerics.BigInteger value = System.Numerics.BigInteger.One << power;
        for (int bit = power; bit >= 8; bit--)
            if (!((value >> bit) & 1).IsZero) value ^= (System.Numerics.BigInteger)0x11D << (bit - 8);
        return (byte)value;
    }

    private static Columns Generated(int[] lengths, int parity, Random random, int shift)
    {
        Columns columns = new(lengths, parity, random, shift);
        ScalarParity.Generate(columns.Data, columns.Parity);
        return columns;
    }

    private static void GeneratesLikeTheReference(int[] lengths, int parity, Random random)
    {
        using Columns columns = new(lengths, parity, random, random.Next(64));
        foreach (ColumnBytes column in columns.Parity) random.NextBytes(column.Span);
        ScalarParity.Generate(columns.Data, columns.Parity);
        byte[] expected = columns.Memory.ToArray();
        foreach (ColumnBytes column in columns.Parity) random.NextBytes(column.Span);
        RaidzParity.Generate(columns.Data, columns.Parity);
        Assert.True(columns.Memory.SequenceEqual(expected), $"{parity} of {string.Join(',', lengths)}");
    }

    // Every choice of lost data columns, or many where there are too many, by every choice of parity rows.
    private static void RebuildsEveryLoss(Columns columns, Random random)
    {
        byte[] expected = columns.Memory.ToArray();
        int width = columns.Data.Length;
        for (int count = 1; count <= Math.Min(columns.Parity.Length, width); count++)
        {
            int[][] rows = [.. Choices(columns.Parity.Length, count)];
            bool isWide = width > 20 || columns.Data[0].LengthBytes > 500;
            IEnumerable<int[]> losses = isWide && count > 1
                ? Enumerable.Range(0, 60).Select(_ => SomeChoice(width, count, random))
                : Choices(width, count);
            foreach (int[] lost in losses)
            {
                foreach (int[] used in rows)
                {
                    foreach (int index in lost) columns.Data[index].Span.Fill(0xEE);
                    for (int row = 0; row < columns.Parity.Length; row++)
                        if (!used.Contains(row)) columns.Parity[row].Span.Fill(0xDD);
                    RaidzParity.Reconstruct(columns.Data, columns.Parity, lost, used);
                    foreach (int index in lost) IsAsBefore(columns, index, expected, lost, used);
                    expected.CopyTo(columns.Memory);
                }
            }
        }
    }

    private static unsafe void IsAsBefore(
        Columns columns,
        int index,
        byte[] expected,
        int[] lost,
        int[] used)
    {
        fixed (byte* memory = columns.Memory)
        {
            ColumnBytes column = columns.Data[index];
            // With the bytes beside it, which nothing may touch.
            int start = (int)(column.Address - (nint)memory) - 32;
            bool isSame = expected.AsSpan(start, column.LengthBytes + 64)
                .SequenceEqual(columns.Memory.Slice(start, column.LengthBytes + 64));
            string what = $"{columns.Data.Length} columns of {columns.Data[0].LengthBytes}: "
                + $"lost {string.Join(',', lost)}, used {string.Join(',', used)}, column {index}";
            Assert.True(isSame, what);
        }
    }

    private static IEnumerable<int[]> Choices(int all, int count)
    {
        if (count == 0) return [[]];
        return from last in Enumerable.Range(count - 1, all - count + 1)
               from rest in Choices(last, count - 1)
               select (int[])[.. rest, last];
    }

    private static int[] SomeChoice(int all, int count, Random random)
    {
        SortedSet<int> chosen = [];
        while (chosen.Count < count) chosen.Add(random.Next(all));
        return [.. chosen];
    }
}
