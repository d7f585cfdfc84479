using System.Text.RegularExpressions;

namespace Cstor.Tests.Tidy;

/// <summary>Rules on documents and scripts.</summary>
internal static partial class DocumentRules
{
    /// <summary>
    /// Links, paths in backticks and <c>make</c> targets that a document names exist in the repository.
    /// </summary>
    public static IEnumerable<string> NamesExist(SourceFile document)
    {
        string folder = Path.GetDirectoryName(Path.Combine(SourceTree.Root, document.Path))!;
        for (int i = 0; i < document.Lines.Length; i++)
        {
            foreach (Match link in Link().Matches(document.Lines[i]))
            {
                string target = link.Groups[1].Value.Split('#')[0];
                if (target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
                    && !Path.Exists(Path.Combine(folder, target)))
                {
                    yield return $"{document.Path}:{i + 1}: links to {target}, which is not there";
                }
            }

            foreach (Match path in RepositoryPath().Matches(document.Lines[i]))
            {
                string target = path.Groups[1].Value;
                if (!Path.Exists(Path.Combine(SourceTree.Root, target)))
                {
                    yield return $"{document.Path}:{i + 1}: names {target}, which is not there";
                }
            }

            foreach (Match make in MakeTarget().Matches(document.Lines[i]))
            {
                string target = make.Groups[1].Value;
                if (MakeTargets.Contains(target)) continue;
                yield return $"{document.Path}:{i + 1}: names make {target}, which is not there";
            }
        }
    }

    /// <summary>A shell script can be run and does not go on after an error it did not expect.</summary>
    public static IEnumerable<string> ScriptIsSafe(SourceFile script)
    {
        if (!script.Text.StartsWith('#')) yield return $"{script.Path}: no #! line";
        if (!SetOptions().IsMatch(script.Text)) yield return $"{script.Path}: no set -u";
        string full = Path.Combine(SourceTree.Root, script.Path);
        if (File.Exists(full) && !File.GetUnixFileMode(full).HasFlag(UnixFileMode.UserExecute))
        {
            yield return $"{script.Path}: not executable";
        }
    }

    private static HashSet<string> MakeTargets =>
        [.. MakeRule().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, "Makefile")))
            .Select(match => match.Groups[1].Value)];

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(
        @"`((?:pool-layout|raid|engine|target|daemon|tests|docs|deploy|fio-profiles|\.ci)/[\w./-]*)`")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"`make ([a-z-]+)")]
    private static partial Regex MakeTarget();

    [GeneratedRegex(@"^([a-z-]+):", RegexOptions.Multiline)]
    private static partial Regex MakeRule();

    [GeneratedRegex(@"^set -\w*u", RegexOptions.Multiline)]
    private static partial Regex SetOptions();
}
