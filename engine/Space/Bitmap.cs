using System.Numerics;
using Cstor.PoolLayout;

namespace Cstor.Engine.Space;

/// <summary>
/// Bit arithmetic on the bitmap of a region: bit n of word n/64 is set when sector n is taken.
/// </summary>
internal static class Bitmap
{
    private const int WordBits = 64;

    public static bool IsSet(ReadOnlySpan<ulong> words, int bit) => (words[bit >> 6] >> (bit & 63) & 1) != 0;

    /// <summary>First clear bit at or after <paramref name="from"/>, or <paramref name="end"/>.</summary>
    public static int NextClear(ReadOnlySpan<ulong> words, int from, int end) =>
        Next(words, from, end, ulong.MaxValue);

    /// <summary>First set bit at or after <paramref name="from"/>, or <paramref name="end"/>.</summary>
    public static int NextSet(ReadOnlySpan<ulong> words, int from, int end) => Next(words, from, end, 0);

    /// <summary>Sets a run; every bit must have been clear.</summary>
    public static void SetRun(Span<ulong> words, int start, int count)
    {
        for (int bit = start, end = start + count; bit < end;)
        {
            ulong mask = MaskWithinWord(bit, end, out int taken);
            ref ulong word = ref words[bit >> 6];
            Check.That((word & mask) == 0);
            word |= mask;
            bit += taken;
        }
    }

    /// <summary>Clears a run; every bit must have been set.</summary>
    public static void ClearRun(Span<ulong> words, int start, int count)
    {
        for (int bit = start, end = start + count; bit < end;)
        {
            ulong mask = MaskWithinWord(bit, end, out int taken);
            ref ulong word = ref words[bit >> 6];
            Check.That((word & mask) == mask);
            word &= ~mask;
            bit += taken;
        }
    }

    /// <summary>Words with no bit set among those that a run touches.</summary>
    public static int CountClearWords(ReadOnlySpan<ulong> words, int start, int end)
    {
        int count = 0;
        for (int word = start >> 6; word <= (end - 1) >> 6; word++)
            if (words[word] == 0)
                count++;
        return count;
    }

    /// <summary>Set bits of a run.</summary>
    public static int CountSet(ReadOnlySpan<ulong> words, int start, int end)
    {
        int count = 0;
        for (int bit = start; bit < end;)
        {
            ulong mask = MaskWithinWord(bit, end, out int taken);
            count += BitOperations.PopCount(words[bit >> 6] & mask);
            bit += taken;
        }

        return count;
    }

    private static int Next(ReadOnlySpan<ulong> words, int from, int end, ulong invert)
    {
        int bit = from;
        while (bit < end)
        {
            ulong word = (words[bit >> 6] ^ invert) >> (bit & 63);
            if (word != 0) return Math.Min(end, bit + BitOperations.TrailingZeroCount(word));
            bit = (bit | (WordBits - 1)) + 1;
        }

        return end;
    }

    private static ulong MaskWithinWord(int bit, int end, out int taken)
    {
        int offset = bit & (WordBits - 1);
        taken = Math.Min(WordBits - offset, end - bit);
        ulong ones = taken == WordBits ? ulong.MaxValue : (1UL << taken) - 1;
        return ones << offset;
    }
}
