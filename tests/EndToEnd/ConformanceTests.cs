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
    private const int FewestPasses = 207;
    private const int MostFailures = 2;

    [RequiresFact("iscsi-test-cu")]
    public void Iscsi_test_cu_passes_on_a_plain_pool_but_for_the_listed_tests() => RunAll(disks: 1);

    [RequiresFact("iscsi-test-cu")]
    public void Iscsi_test_cu_passes_on_a_mirror_but_for_the_listed_tests() => RunAll(disks: 2, "mirror");

    [RequiresFact("iscsi-test-cu")]
    public void Iscsi_test_cu_passes_on_raidz2_but_for_the_listed_tests() => RunAll(disks: 5, "raidz2");

    [RequiresFact("iscsi-test-cu")]
    public void Iscsi_test_cu_finds_every_write_to_a_read_only_unit_refused()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("a.img"));
        daemon.CliOk("volume", "create", "-o", "readonly=on", "tank/v", "256M");
        Dictionary<string, string> results = Run(daemon, "ALL.ReadOnly");
        Assert.Equal(["ReadOnly.ReadOnlySBC"], results.Keys);
        Assert.Equal(["pass"], results.Values);
    }

    private void RunAll(int disks, params string[] layout)
    {
        using DaemonFixture daemon = new(output);
        string[] devices = [.. Enumerable.Range(0, disks).Select(i => daemon.Disk($"{i}.img", 4L << 30))];
        daemon.CliOk(["pool", "create", "tank", .. layout, .. devices]);
        daemon.CliOk("volume", "create", "tank/v", "1G");
        Dictionary<string, string> results = Run(daemon, "ALL");
        Assert.True(results.Count >= 230, $"only {results.Count} tests ran");
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
        Assert.True(passed >= FewestPasses, $"{passed} pass");
        Assert.True(expected.Values.Count(result => result == "fail") <= MostFailures);
    }

    private Dictionary<string, string> Run(DaemonFixture daemon, string tests)
    {
        string url = daemon.Url("tank/v"); // twice: two paths to one unit
        ToolResult run = Tool.Run(
            "iscsi-test-cu", ["--dataloss", "--verbose", $"--test={tests}", url, url], seconds: 240);
        Dictionary<string, string> results = ConformanceResults.Parse(run.Output);
        Assert.True(results.Count > 0, $"nothing ran: {run}");
        Assert.True(daemon.IsRunning);
        return results;
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
