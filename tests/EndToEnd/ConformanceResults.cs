using Cstor.Tests.Tidy;

namespace Cstor.Tests.EndToEnd;

/// <summary>Reads what <c>iscsi-test-cu --verbose</c> prints, and the list of what is expected.</summary>
internal static class ConformanceResults
{
    private const string TestMark = "  Test: ";
    private const string SuiteMark = "Suite: ";

    /// <summary>
    /// "Suite.Test" to "pass", "skip" or "fail". The suite itself counts a skipped test as passed, so the
    /// marks within a test decide.
    /// </summary>
    public static Dictionary<string, string> Parse(string printed)
    {
        Dictionary<string, string> results = [];
        string suite = "", test = "";
        foreach (string line in printed.Split('\n'))
        {
            if (line.StartsWith(SuiteMark, StringComparison.Ordinal)) suite = line[SuiteMark.Length..].Trim();
            if (line.StartsWith(TestMark, StringComparison.Ordinal))
            {
                test = $"{suite}.{line[TestMark.Length..].Split(' ')[0]}";
                results[test] = "pass";
            }

            if (test.Length == 0) continue;
            bool isSkipped = line.Contains("[SKIPPED]", StringComparison.Ordinal);
            if (isSkipped && results[test] == "pass") results[test] = "skip";
            if (line.StartsWith("FAILED", StringComparison.Ordinal)
                || line.EndsWith("...FAILED", StringComparison.Ordinal))
            {
                results[test] = "fail";
            }

            if (line.StartsWith("Run Summary", StringComparison.Ordinal)) test = "";
        }

        return results;
    }

    /// <summary>Lines of the list, without comments and blank lines.</summary>
    public static string[] ExpectedLines() =>
        [.. File.ReadAllLines(Path.Combine(SourceTree.Root, "tests", "EndToEnd", "iscsi-test-cu.expected"))
            .Where(line => line.Length > 0 && line[0] != '#')];

    public static Dictionary<string, string> ReadExpected() => ExpectedLines()
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .ToDictionary(words => words[0], words => words[1]);
}
