using System.Text.RegularExpressions;

namespace Cstor.Tests.Tidy;

/// <summary>
/// The rules of style that a machine can check. Each takes one file and yields what is wrong with it, as
/// "path:line: what". They grow with the project: what a review finds twice becomes a rule.
/// </summary>
internal static partial class TidyRules
{
    public const int MaxFileLines = 500;
    public const int MaxMemberLines = 70;
    public const int MaxColumns = 110;

    public static IEnumerable<string> FileIsShort(SourceFile file)
    {
        int lines = file.Lines.Length - (file.Text.EndsWith('\n') ? 1 : 0);
        if (lines > MaxFileLines) yield return $"{file.Path}: {lines} lines, at most {MaxFileLines}";
    }

    public static IEnumerable<string> LinesAreShort(SourceFile file)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            int columns = file.Lines[i].Length;
            if (columns <= MaxColumns) continue;
            yield return $"{file.Path}:{i + 1}: {columns} columns, at most {MaxColumns}";
        }
    }

    public static IEnumerable<string> TextIsClean(SourceFile file)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            string line = file.Lines[i];
            if (line.EndsWith(' ')) yield return $"{file.Path}:{i + 1}: space at the end";
            if (line.EndsWith('\r')) yield return $"{file.Path}:{i + 1}: a carriage return";
            if (file.Path.EndsWith(".cs", StringComparison.Ordinal) && line.Contains('\t'))
            {
                yield return $"{file.Path}:{i + 1}: a tab";
            }
        }

        bool isWhole = file.Text.Length == 0 || file.Text.EndsWith('\n');
        if (!isWhole) yield return $"{file.Path}: no line break at the end";
    }

    public static IEnumerable<string> MembersAreShort(SourceFile file) =>
        from member in CSharpOutline.Of(file.Text).Members
        where member.LineCount > MaxMemberLines && member.Header.Contains('(')
        select $"{file.Path}:{member.Line}: {member.LineCount} lines, at most {MaxMemberLines}: "
            + FirstLine(member.Header);

    /// <summary>
    /// A type gives the file its name. Records, enums, interfaces and delegates that are its vocabulary may
    /// stand beside it; a second class or struct may not.
    /// </summary>
    public static IEnumerable<string> OneTypeNamedAsTheFile(SourceFile file)
    {
        string name = Path.GetFileNameWithoutExtension(file.Path);
        if (name is "Program" or "AssemblyAttributes") yield break;
        IReadOnlyList<OutlineType> types = CSharpOutline.Of(file.Text).TopLevelTypes;
        if (types.All(type => type.Name != name.Split('.')[0]))
        {
            string found = string.Join(", ", types.Select(type => type.Name));
            yield return $"{file.Path}: should hold a type of its name, holds {found}";
        }

        IEnumerable<OutlineType> shared = types.Where(type => !type.IsFileLocal);
        foreach (OutlineType type in shared.Where(type => type.Kind is "class" or "struct").Skip(1))
        {
            yield return $"{file.Path}: holds a second {type.Kind}, {type.Name}";
        }
    }

    public static IEnumerable<string> NamespaceIsPath(SourceFile file)
    {
        string? declared = CSharpOutline.Of(file.Text).Namespace;
        string expected = "Cstor." + string.Join('.', file.Path.Split('/')[..^1].Select(PascalCase));
        if (declared is not null && declared != expected)
        {
            yield return $"{file.Path}: namespace {declared}, its path says {expected}";
        }
    }

    /// <summary>Marks of unfinished work, in code and in comments.</summary>
    public static IEnumerable<string> NothingIsUnfinished(SourceFile file) => Matches(file, Unfinished());

    public static IEnumerable<string> NoRegions(SourceFile file) => Matches(file, Region());

    /// <summary>A test is skipped by an attribute that says what the machine lacks, never for good.</summary>
    public static IEnumerable<string> NoTestIsSkippedForGood(SourceFile file) =>
        Matches(file, SkippedForGood());

    /// <summary>
    /// A reader needs nothing but the repository: no path of one machine, no word of how a text came about.
    /// </summary>
    public static IEnumerable<string> SpeaksOfItselfAlone(SourceFile file) => Matches(file, ForeignWords());

    /// <summary>State belongs to an object, the object to a loop. Constant tables are no state.</summary>
    public static IEnumerable<string> NoStaticMutableState(SourceFile file)
    {
        foreach (OutlineMember member in CSharpOutline.Of(file.Text).Members)
        {
            string header = Attribute().Replace(member.Header, "");
            bool isThreadStatic = member.Header.Contains("ThreadStatic", StringComparison.Ordinal);
            if (isThreadStatic || MutableCollection().IsMatch(header)
                || (member.IsField && MutableField().IsMatch(header))
                || (StaticProperty().IsMatch(header) && Setter().IsMatch(member.Text)))
            {
                yield return $"{file.Path}:{member.Line}: static mutable state: {FirstLine(member.Header)}";
            }
        }
    }

    /// <summary>
    /// The ban on clocks, chance, threads, sockets and files is lifted only where the machine is reached.
    /// </summary>
    public static IEnumerable<string> BanIsLiftedOnlyAtTheSeam(SourceFile file) =>
        file.Path.StartsWith("engine/Host/", StringComparison.Ordinal) ? [] : Matches(file, BanLifted());

    internal static string PascalCase(string folder) =>
        string.Concat(folder.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static IEnumerable<string> Matches(SourceFile file, Regex pattern)
    {
        for (int i = 0; i < file.Lines.Length; i++)
        {
            Match match = pattern.Match(file.Lines[i]);
            if (match.Success) yield return $"{file.Path}:{i + 1}: {match.Value.Trim()}";
        }
    }

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();

    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|XX" + @"X|HA" + @"CK)\b|NotImplemented" + "Exception")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"^\s*#(end)?region\b")]
    private static partial Regex Region();

    [GeneratedRegex(@"\bSkip\s*=\s*""")]
    private static partial Regex SkippedForGood();

    [GeneratedRegex(@"(?<![\w.-])/(home|root|work|Users)/\w|\bA\.?I\.? (assist|model|agent|generated)"
        + @"|language[ ]model|\bprompt(ed)? by\b|\bthis session of\b", RegexOptions.IgnoreCase)]
    private static partial Regex ForeignWords();

    [GeneratedRegex(@"^\s*(\[[^\]]*\]\s*)+")]
    private static partial Regex Attribute();

    [GeneratedRegex(@"^(?!.*\b(const|readonly|event|extern|partial|abstract|operator|delegate\*)\b)"
        + @"(?:(?:public|private|internal|protected|new|volatile|unsafe)\s+)*"
        + @"static\s+(?:volatile\s+|unsafe\s+)*"
        + @"[\w<>,.?\[\]*\s]+?\s+\w+\s*(=(?!>)[^\0]*)?$")]
    private static partial Regex MutableField();

    [GeneratedRegex(
        @"\bstatic\s+readonly\s+(Concurrent\w+|Dictionary|List|HashSet|Queue|Stack|StringBuilder)\b")]
    private static partial Regex MutableCollection();

    [GeneratedRegex(@"\bstatic\s+[^(=]*$")]
    private static partial Regex StaticProperty();

    [GeneratedRegex(@"\bset\s*[;{=]")]
    private static partial Regex Setter();

    [GeneratedRegex(@"RS0030")]
    private static partial Regex BanLifted();
}
