using System.Text;

namespace Cstor.Tests.Tidy;

/// <summary>
/// C# source with comments, strings and character literals blanked, so that rules see code alone. Line
/// breaks stay where they are, so an offset gives the same line in both texts.
/// </summary>
internal static class CSharpText
{
    public static string CodeOnly(string source)
    {
        StringBuilder code = new(source);
        int at = 0;
        while (at < source.Length) at = Next(source, code, at);
        return code.ToString();
    }

    public static int LineOf(string text, int offset) => text.AsSpan(0, offset).Count('\n') + 1;

    private static int Next(string source, StringBuilder code, int at)
    {
        if (StartsWith(source, at, "//")) return Blank(source, code, at, IndexOrEnd(source, "\n", at));
        if (StartsWith(source, at, "/*"))
        {
            return Blank(source, code, at, IndexOrEnd(source, "*/", at + 2) + 2);
        }

        if (source[at] == '\'')
        {
            return Blank(source, code, at, EndOfQuoted(source, at + 1, '\'', escapes: true));
        }

        if (source[at] == '"' || IsStringPrefix(source, at)) return BlankString(source, code, at);
        return at + 1;
    }

    private static bool IsStringPrefix(string source, int at)
    {
        if (source[at] is not ('$' or '@')) return false;
        int quote = at;
        while (quote < source.Length && source[quote] is '$' or '@') quote++;
        return quote < source.Length && source[quote] == '"';
    }

    private static int BlankString(string source, StringBuilder code, int at)
    {
        int quote = source.IndexOf('"', at);
        bool verbatim = source.AsSpan(at, quote - at).Contains('@');
        bool interpolated = source.AsSpan(at, quote - at).Contains('$');
        int quotes = 0;
        while (quote + quotes < source.Length && source[quote + quotes] == '"') quotes++;
        if (quotes >= 3 && !verbatim)
        {
            string fence = new('"', quotes);
            return Blank(source, code, at, IndexOrEnd(source, fence, quote + quotes) + quotes);
        }

        int end = interpolated
            ? EndOfInterpolated(source, quote + 1, verbatim)
            : EndOfQuoted(source, quote + 1, '"', escapes: !verbatim);
        return Blank(source, code, at, end);
    }

    private static int EndOfQuoted(string source, int at, char quote, bool escapes)
    {
        for (; at < source.Length; at++)
        {
            if (escapes && source[at] == '\\') at++;
            else if (source[at] != quote) continue;
            else if (!escapes && at + 1 < source.Length && source[at + 1] == quote) at++;
            else return at + 1;
        }

        return source.Length;
    }

    /// <summary>The end of an interpolated string whose holes may hold strings of their own.</summary>
    private static int EndOfInterpolated(string source, int at, bool verbatim)
    {
        int depth = 0;
        for (; at < source.Length; at++)
        {
            char c = source[at];
            if (depth == 0 && c == '\\' && !verbatim) at++;
            else if (depth == 0 && StartsWith(source, at, "{{")) at++;
            else if (c == '{') depth++;
            else if (c == '}' && depth > 0) depth--;
            else if (c == '"' && depth > 0) at = EndOfQuoted(source, at + 1, '"', escapes: true) - 1;
            else if (c == '"' && verbatim && StartsWith(source, at, "\"\"")) at++;
            else if (c == '"') return at + 1;
        }

        return source.Length;
    }

    private static int Blank(string source, StringBuilder code, int from, int to)
    {
        to = Math.Min(to, source.Length);
        for (int i = from; i < to; i++)
        {
            if (source[i] != '\n') code[i] = ' ';
        }

        return to;
    }

    private static bool StartsWith(string source, int at, string what) =>
        string.CompareOrdinal(source, at, what, 0, what.Length) == 0;

    private static int IndexOrEnd(string source, string what, int from)
    {
        int index = from >= source.Length ? -1 : source.IndexOf(what, from, StringComparison.Ordinal);
        return index < 0 ? source.Length : index;
    }
}
