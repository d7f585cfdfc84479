using System.CommandLine;

namespace Cstor.Daemon.Cli;

/// <summary>A command line as it was typed, for the history.</summary>
internal static class TypedText
{
    /// <param name="parse">The command.</param>
    /// <param name="without">An option that says where the daemon is, not what it shall do.</param>
    public static string Of(ParseResult parse, string without)
    {
        List<string> words = ["cstor"];
        bool isValue = false;
        foreach (System.CommandLine.Parsing.Token token in parse.Tokens)
        {
            if (isValue)
            {
                isValue = false;
                continue;
            }
            if (token.Value == without) isValue = true;
            else words.Add(Quoted(token.Value));
        }
        return string.Join(' ', words);
    }

    /// <summary>So that it can be typed again.</summary>
    private static string Quoted(string word)
    {
        bool isPlain = word.Length > 0
            && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=@,%+[]".Contains(c));
        return isPlain ? word : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
    }
}
