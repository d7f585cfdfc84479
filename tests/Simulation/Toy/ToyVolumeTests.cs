using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Toy;

/// <summary>
/// The harness itself on trial: a correct store passes every seed, and each planted bug is found.
/// </summary>
public sealed class ToyVolumeTests
{
    private const int Seeds = 100;
    private const long DiskBytes = 64 * 16384;

    [Fact]
    public void A_correct_store_passes_every_crash()
    {
        for (ulong seed = 0; seed < Seeds; seed++) CrashAndVerify(seed, ToyBug.None);
    }

    [Theory]
    [InlineData(ToyBug.FlushDoesNothing)]
    [InlineData(ToyBug.DurableIsIgnored)]
    [InlineData(ToyBug.OverwritesInPlace)]
    [InlineData(ToyBug.NoChecksum)]
    [InlineData(ToyBug.AnswersTooSoon)]
    [InlineData(ToyBug.ReadsTheOlderCopy)]
    public void A_planted_bug_is_found_and_its_seed_replays_it(ToyBug bug)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            SimulationException? error = Record.Exception(() =>
                CrashAndVerify(seed, bug)) as SimulationException;
            if (error is null) continue;
            Assert.StartsWith($"seed {seed},", error.Message, StringComparison.Ordinal);
            Assert.Equal(error.Message, Assert.Throws<SimulationException>(() =>
                CrashAndVerify(seed, bug)).Message);
            return;
        }

        Assert.Fail($"{bug} went unnoticed in {Seeds} seeds");
    }

    private static void CrashAndVerify(ulong seed, ToyBug bug)
    {
        using SimulatedMachine machine = new(seed);
        SimulatedNode node = machine.AddNode("a");
        node.Disks.Add("/dev/sda", DiskBytes);
        OracleHistory history = new();
        BlockOracle oracle = new(history, 1, 4096, DiskBytes / 4);
        SimulatedRandom random = SimulatedRandom.For(seed, "workload");
        WorkloadMix mix = new() { MaximumBytes = 32_768 };
        for (int life = 0; life < 3; life++)
        {
            long boundary = node.WriteBoundaryCount + random.Below(200);
            node.CrashAtWrite(boundary, random.Coin(), (CrashMode)random.Below(6));
            SimulatedLoop loop = node.CreateLoop();
            RunEnd end = loop.Run(async () =>
            {
                ToyVolume volume = await ToyVolume.OpenAsync(loop, "/dev/sda", bug);
                VolumeDriver driver = new(loop, volume, oracle, random);
                if (life > 0) await driver.VerifyAsync(isAfterCrash: true);
                oracle.EndOfCrash();
                await Workload.RunAsync(loop, [driver], random, mix, 10_000);
            });
            Assert.Equal(RunEnd.NodeDied, end);
            oracle.Crash();
        }
    }
}
