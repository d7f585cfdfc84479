using System.Text.RegularExpressions;

namespace Cstor.Tests.Tidy;

/// <summary>A command that a document tells its readers to type.</summary>
/// <param name="Place">File and line.</param>
/// <param name="Words">As the shell would hand them over, without <c>cstor</c>.</param>
/// <param name="IsLiteral">It can be typed as it stands; else it shows a form, with what is optional and what
/// is to be filled in.</param>
internal sealed partial record DocumentedCommand(string Place, string[] Words, bool IsLiteral)
{
    private const string Program = "cstor";

    // What stands apart there is what lies on disks.
    private const string FormatDocument = "docs/on-disk-format.md";

    /// <summary>All that are in the documents, in their code blocks and between backquotes.</summary>
    public static IEnumerable<DocumentedCommand> All() =>
        SourceTree.Files(".md").Where(static document => document.Path != FormatDocument).SelectMany(Of);

    /// <summary>Those of one document.</summary>
    public static IEnumerable<DocumentedCommand> Of(SourceFile document)
    {
        for (int i = 0; i < document.Lines.Length; i++)
        {
            string line = document.Lines[i];
            string place = $"{document.Path}:{i + 1}";
            bool isCode = line.StartsWith("    ", StringComparison.Ordinal);
            IEnumerable<string> texts = isCode
                ? [line]
                : InBackquotes().Matches(line.Replace("\\|", "|", StringComparison.Ordinal))
                    .Select(static match => match.Groups[1].Value);
            foreach (string text in texts)
            {
                foreach (string[] words in Commands(text))
                {
                    yield return new(place, words, isCode && IsTyped(words));
                }
            }
        }
    }

    /// <summary>The simple commands of a line of shell that call the program.</summary>
    public static IEnumerable<string[]> Commands(string line)
    {
        foreach (List<string> words in Split(line))
        {
            int at = words.FindIndex(static word => word == Program || word.EndsWith("/" + Program, default));
            // It may be what another command is about; what may stand before it is not.
            bool isCalled = at >= 0 && words.Take(at).All(IsBefore);
            if (isCalled) yield return [.. words.Skip(at + 1)];
        }
    }

    private static bool IsTyped(string[] words) =>
        !words.Any(static word => word.IndexOfAny(['[', ']', '|', '$']) >= 0 || word.EndsWith("...", default)
            || Placeholder().IsMatch(word));

    private static bool IsBefore(string word) =>
        word is "sudo" or "ssh" or "root" or "other" or "$host" || word.EndsWith('#')
        || word.StartsWith("CSTOR_", default) || CronField().IsMatch(word);

    /// <summary>Words between the operators of the shell; a comment ends the line.</summary>
    private static IEnumerable<List<string>> Split(string line)
    {
        List<string> words = [];
        foreach (Match match in Word().Matches(line))
        {
            string word = match.Value;
            if (word.StartsWith('#')) break;
            if (match.Groups["operator"].Success)
            {
                yield return words;
                words = [];
                continue;
            }
            words.Add(Substitution().Replace(word, "$").Trim('\'', '"'));
        }
        yield return words;
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex InBackquotes();

    // An operator stands alone; the bars of a form stand within words and brackets.
    [GeneratedRegex("""
        (?<operator> (?<=\s)(\|\||&&|[|&<>])(?=\s|$) | ;(?=\s|$) )
        | ( '[^']*' | "[^"]*" | \$\([^)]*\) | [^\s;'"] | ;(?!\s|$) )+
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Word();

    [GeneratedRegex(@"\$\([^)]*\)")]
    private static partial Regex Substitution();

    [GeneratedRegex(@"\b[A-Z]{2,}\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^[\d*]+$")]
    private static partial Regex CronField();
}
