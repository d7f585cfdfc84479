using System.Globalization;
using System.Text;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.PoolLayout.Golden;

/// <summary>
/// Files that fix the format: fields and bytes of one example of each structure. A change of the format shows
/// as a change of these files, and is a new version. <c>CSTOR_UPDATE_GOLDEN=1</c> writes them anew, but never
/// where
/// <c>CI</c> is set.
/// </summary>
internal static class GoldenText
{
    private const string BytesTitle = "bytes";
    private const int LineBytes = 32;

    /// <summary>Compares with the file, or writes it.</summary>
    internal static void Check(string name, string fields, ReadOnlySpan<byte> bytes)
    {
        bool isWanted = Environment.GetEnvironmentVariable("CSTOR_UPDATE_GOLDEN") == "1";
        bool isAllowed = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"));
        if (isWanted && isAllowed) File.WriteAllText(PathOf(name), TextOf(fields, bytes));
        string? difference = Difference(name, fields, bytes);
        Assert.True(difference is null, difference);
    }

    /// <summary>What differs from the file and what to do about it, or null.</summary>
    internal static string? Difference(string name, string fields, ReadOnlySpan<byte> bytes)
    {
        string path = PathOf(name);
        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        string actual = TextOf(fields, bytes);
        return expected == actual
            ? null
            : $"{name}.txt does not match: the format on disk has changed. If that is meant, raise "
                + "Layout.FormatVersion and run the tests once with CSTOR_UPDATE_GOLDEN=1.\n"
                + FirstDifference(expected, actual);
    }

    /// <summary>The bytes that a file holds.</summary>
    internal static byte[] BytesOf(string name)
    {
        string[] lines = File.ReadAllLines(PathOf(name));
        int title = Array.FindIndex(lines, line => line.StartsWith(BytesTitle, StringComparison.Ordinal));
        byte[] bytes = new byte[int.Parse(lines[title].Split(' ')[1], CultureInfo.InvariantCulture)];
        foreach (string line in lines[(title + 1)..])
        {
            if (line == "*") continue;
            int offset = int.Parse(line.AsSpan(0, 6), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Convert.FromHexString(line.AsSpan(8).ToString().Replace(" ", "", StringComparison.Ordinal))
                .CopyTo(bytes, offset);
        }

        return bytes;
    }

    /// <summary>
    /// Lines of offset and hexadecimal bytes; lines of zeroes are left out and stand as one star.
    /// </summary>
    private static string Dump(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        bool inZeroes = false;
        for (int at = 0; at < bytes.Length; at += LineBytes)
        {
            ReadOnlySpan<byte> line = bytes[at..Math.Min(at + LineBytes, bytes.Length)];
            bool isZero = !line.ContainsAnyExcept((byte)0);
            if (!isZero)
            {
                text.Append(CultureInfo.InvariantCulture, $"{at:x6} ");
                for (int i = 0; i < line.Length; i += 8)
                    text.Append(' ').Append(Convert.ToHexStringLower(line[i..Math.Min(i + 8, line.Length)]));
                text.Append('\n');
            }
            else if (!inZeroes)
            {
                text.Append("*\n");
            }

            inZeroes = isZero;
        }

        return text.ToString();
    }

    private static string TextOf(string fields, ReadOnlySpan<byte> bytes) =>
        $"{fields}\n{BytesTitle} {bytes.Length}\n{Dump(bytes)}";

    private static string FirstDifference(string expected, string actual)
    {
        string[] old = expected.Split('\n');
        string[] now = actual.Split('\n');
        int line = 0;
        while (line < old.Length && line < now.Length && old[line] == now[line]) line++;
        string was = line < old.Length ? old[line] : "(end)";
        string isNow = line < now.Length ? now[line] : "(end)";
        return $"line {line + 1} was: {was}\nline {line + 1}  is: {isNow}";
    }

    private static string PathOf(string name) =>
        Path.Combine(SourceTree.Root, "tests", "PoolLayout", "Golden", name + ".txt");
}
