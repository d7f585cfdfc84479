using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Cstor.PoolLayout.Units;

/// <summary>
/// Sizes as storage people write them: 10G, 16K, 1.5T, 4096, 10GiB. Units are powers of 1024.
/// </summary>
public static class ByteSize
{
    private const string UnitLetters = "KMGTP";

    /// <summary>
    /// Reads a size. Letters may be of either case, with or without B or iB behind them. A fraction of a byte
    /// is dropped when there is a unit, refused when there is none.
    /// </summary>
    /// <param name="text">What the user typed; space around it and before the unit is ignored.</param>
    /// <param name="bytes">The size, 0 to <see cref="long.MaxValue"/>; 0 after a refusal.</param>
    /// <param name="reason">Why it was refused, to follow the text and a colon.</param>
    public static bool TryParse(
        [NotNullWhen(true)] string? text, out long bytes, [NotNullWhen(false)] out string? reason)
    {
        bytes = 0;
        string trimmed = text?.Trim() ?? "";
        if (trimmed.Length == 0)
        {
            reason = "a size is missing";
            return false;
        }
        int numberLength = trimmed.AsSpan().IndexOfAnyExceptInRange('0', '9') switch
        {
            -1 => trimmed.Length,
            int dot when trimmed[dot] == '.' => AfterFraction(trimmed, dot),
            int end => end,
        };
        ReadOnlySpan<char> digits = trimmed.AsSpan(0, numberLength);
        int shift = ShiftOf(trimmed.AsSpan(numberLength).TrimStart());
        if (shift < 0 || digits.IndexOfAnyInRange('0', '9') < 0)
        {
            reason = trimmed[0] == '-'
                ? "a size cannot be negative"
                : "not a size; write a number and K, M, G, T or P, such as 16K or 1.5T";
            return false;
        }
        // What does not even fit a decimal is larger still.
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (!decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, culture, out decimal number)
            || number >= (1m + long.MaxValue) / (1L << shift))
        {
            reason = "larger than can be addressed (8192P)";
            return false;
        }
        decimal exact = number * (1L << shift);
        if (shift == 0 && exact != decimal.Truncate(exact))
        {
            reason = "not a whole number of bytes";
            return false;
        }
        bytes = (long)exact;
        reason = null;
        return true;
    }

    /// <summary>
    /// Writes a size: exact multiples of a unit plainly (10G), others with three significant digits (1.50G,
    /// 12.3M).
    /// </summary>
    /// <param name="bytes">0 or more.</param>
    public static string Format(long bytes)
    {
        Check.That(bytes >= 0);
        int unit = 0;
        while (unit < UnitLetters.Length && bytes >> (10 * unit) >= 1024) unit++;
        if (unit == 0) return bytes.ToString(CultureInfo.InvariantCulture);
        if ((bytes & ((1L << (10 * unit)) - 1)) == 0) return Plain(bytes >> (10 * unit), unit);
        // 1023K is plain above only if exact; 999.5 and more would need a fourth digit, so it goes to the
        // next unit.
        decimal value = (decimal)bytes / (1L << (10 * unit));
        if (value >= 999.5m && unit < UnitLetters.Length) value = (decimal)bytes / (1L << (10 * ++unit));
        string format = value < 9.995m ? "0.00" : value < 99.95m ? "0.0" : "0";
        return value.ToString(format, CultureInfo.InvariantCulture) + UnitLetters[unit - 1];
    }

    private static string Plain(long count, int unit) =>
        string.Create(CultureInfo.InvariantCulture, $"{count}{UnitLetters[unit - 1]}");

    private static int AfterFraction(string text, int dot)
    {
        int digits = text.AsSpan(dot + 1).IndexOfAnyExceptInRange('0', '9');
        return digits < 0 ? text.Length : dot + 1 + digits;
    }

    private static int ShiftOf(ReadOnlySpan<char> unit)
    {
        if (unit.IsEmpty || unit.Equals("B", StringComparison.OrdinalIgnoreCase)) return 0;
        int index = UnitLetters.IndexOf(char.ToUpperInvariant(unit[0]), StringComparison.Ordinal);
        ReadOnlySpan<char> rest = unit[1..];
        bool known = rest.IsEmpty
            || rest.Equals("B", StringComparison.OrdinalIgnoreCase)
            || rest.Equals("iB", StringComparison.OrdinalIgnoreCase);
        return index >= 0 && known ? 10 * (index + 1) : -1;
    }
}
