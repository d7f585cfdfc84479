using System.Globalization;
using Cstor.Tests.Target.Fuzz;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.Target;

/// <summary>
/// Structure-aware random input: PDUs with plausible fields, login text made of real keys, CDBs of every
/// command. No input may crash, hang or leak, every answer must be in order, and a well-behaved initiator
/// beside it is served all the while. CSTOR_FUZZ_INPUTS sets how many PDUs are sent, CSTOR_FUZZ_SEED
/// where the seeds begin.
/// </summary>
[Trait("Category", "Fuzz")]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int PerWorld = 5000;

    private static readonly long Inputs = long.Parse(
        Environment.GetEnvironmentVariable("CSTOR_FUZZ_INPUTS") ?? "200000", CultureInfo.InvariantCulture);

    private static readonly int FirstSeed = int.Parse(
        Environment.GetEnvironmentVariable("CSTOR_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Fact]
    public void Random_input_is_answered_and_reaches_every_command_and_pdu()
    {
        FuzzCoverage coverage = new();
        System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
        for (int seed = FirstSeed; coverage.Inputs < Inputs; seed++)
            FuzzWorld.Run(seed, PerWorld, logins: seed % 8 == 0, coverage, FuzzPlant.None);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{coverage.Inputs} PDUs in {watch.Elapsed.TotalSeconds:0.0} s, "
                + $"{coverage.Inputs / watch.Elapsed.TotalSeconds:0} a second"));
        Assert.Empty(coverage.Missing());
    }

    [Theory]
    [InlineData((int)FuzzPlant.Crash, "planted")]
    [InlineData((int)FuzzPlant.Hang, "hangs")]
    [InlineData((int)FuzzPlant.Leak, "a buffer was not given back")]
    public void The_fuzzer_finds_a_planted_fault(int plant, string expected)
    {
        FuzzFinding finding = Assert.Throws<FuzzFinding>(() =>
        {
            for (int seed = 1; seed < 20; seed++)
                FuzzWorld.Run(seed, PerWorld, logins: false, new FuzzCoverage(), (FuzzPlant)plant);
        });
        Assert.Contains(expected, finding.Message, StringComparison.Ordinal);
    }
}
