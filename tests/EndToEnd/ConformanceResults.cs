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
        string suite = "", test = ""; // empty between tests, where marks are of the suite's set-up
        foreach (string line in printed.Split('\n'))
        {
            string verdict = line;
            if (line.StartsWith(SuiteMark, StringComparison.Ordinal)) suite = line[SuiteMark.Length..].Trim();
            if (line.StartsWith(TestMark, StringComparison.Ordinal))
            {
                string[] parts = line[TestMark.Length..].Split(" ...", 2);
                test = $"{suite}.{parts[0]}";
                verdict = parts[^1];
                results[test] = "pass";
            }

            if (test.Length == 0) continue;
            bool isFailed = verdict.StartsWith("FAILED", StringComparison.Ordinal);
            bool isPassed = verdict.StartsWith("passed", StringComparison.Ordinal);
            bool isSkipped = !isPassed && verdict.Contains("[SKIPPED]", StringComparison.Ordinal);
            if (isFailed) results[test] = "fail";
            else if (isSkipped) results[test] = "skip";
            if (isFailed || isPassed) test = "";
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
