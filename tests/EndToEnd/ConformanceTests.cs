using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// The SCSI and iSCSI conformance suite of libiscsi against a volume. The list of what does not pass stands
/// in
/// <c>iscsi-test-cu.expected</c> with a reason each, and is compared both ways: what begins to pass must
/// leave it.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ConformanceTests(ITestOutputHelper output)
{
    [RequiresFact("iscsi-test-cu")]
    public void Iscsi_test_cu_passes_but_for_the_listed_tests()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "1G", diskBytes: 4L << 30);
        string url = daemon.Url("tank/v"); // twice: two paths to one unit
        ToolResult run = Tool.Run(
            "iscsi-test-cu", ["--dataloss", "--verbose", "--test=ALL", url, url], seconds: 240);
        Dictionary<string, string> results = ConformanceResults.Parse(run.Output);
        Assert.True(results.Count >= 200, $"only {results.Count} tests ran: {run}");
        Dictionary<string, string> expected = ConformanceResults.ReadExpected();

        string[] differences =
        [
            .. results.Where(result => result.Value != expected.GetValueOrDefault(result.Key, "pass"))
                .Select(result => $"{result.Key}: {result.Value}, the list says "
                    + expected.GetValueOrDefault(result.Key, "pass")),
            .. expected.Keys.Where(name => !results.ContainsKey(name))
                .Select(name => $"{name}: listed, did not run"),
        ];
        int passed = results.Values.Count(result => result == "pass");
        output.WriteLine($"{passed} of {results.Count} pass, {results.Values.Count(r => r == "skip")} skip");
        Assert.True(differences.Length == 0, string.Join('\n', differences));
        Assert.True(daemon.IsRunning);
    }

    [Fact]
    public void The_list_of_expected_failures_gives_a_reason_for_each()
    {
        string[] lines = ConformanceResults.ExpectedLines();
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Matches(@"^\S+\.\S+ +(fail|skip) +\S.{10,}$", line));
        Assert.Equal(lines.Length, ConformanceResults.ReadExpected().Count);
    }

    [Fact]
    public void Results_are_read_from_the_suites_output()
    {
        const string Printed = """
            Suite: Read10
              Test: Simple ...passed
              Test: BeyondEol ...    [SKIPPED] READ10 is not implemented.
            passed
              Test: Flags ...    [FAILED] READ10 failed.
            FAILED
                1. test_read10.c:42  - CU_FAIL    [SKIPPED] PERSISTENT RESERVE IN is not implemented.
              Test: Async ...FAILED
              Test: Residuals ...passed    [SKIPPED] PERSISTENT RESERVE IN is not implemented.
            """;
        Dictionary<string, string> results = ConformanceResults.Parse(Printed);
        Assert.Equal(["pass", "skip", "fail", "fail", "pass"], results.Values);
        Assert.Equal(["Simple", "BeyondEol", "Flags", "Async", "Residuals"], results.Keys.Select(Name));

        static string Name(string key) => key["Read10.".Length..];
    }
}
