// Many short histories, each from one seed: a volume is written to, resized and snapshotted; its snapshots go
// to another machine in one or several steps. The stream breaks at any byte, the receiver loses power before
// any of its writes, and what is missing is sent then. In the end each copy is what the snapshot was.
using Cstor.Engine.Host;
using Cstor.Engine.Streams;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Streams;

[Trait("Category", "Simulation")]
public sealed class StreamHistoryTests
{
    private const int SeedsByDefault = 60;
    private const int MostAttempts = 40;

    private static readonly string[] Compressions = ["off", "lz4", "zstd"];

    [Fact]
    public void A_copy_is_the_snapshot_in_any_history()
    {
        List<string> failures = [];
        foreach (ulong seed in SeedRange.Of(SeedsByDefault))
        {
            if (Record.Exception(() => Live(seed)) is not { } failure) continue;
            failures.Add($"CSTOR_SEED={seed}: {failure.Message}");
            if (failures.Count == 3) break;
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static void Live(ulong seed)
    {
        SimulatedRandom random = SimulatedRandom.For(seed, "history");
        using StreamFixture fixture = new(seed);
        int block = 4096 << random.Below(6);
        Volume volume = fixture.Create("db", 64L * block, block, Compressions[random.Below(3)]);
        string? received = null;
        int snapshots = random.Between(2, 5);
        for (int i = 0; i < snapshots; i++)
        {
            byte[] content = Change(fixture, volume, random, $"s{i}");
            if (i < snapshots - 1 && random.Chance(0.3)) continue;
            Transfer(fixture, random, $"s{i}", received);
            received = $"s{i}";
            if (!content.AsSpan().SequenceEqual(fixture.Content("copy")))
                throw new InvalidOperationException($"the copy of {received} is not what it was");
            if (random.Chance(0.2)) DestroyOlder(fixture, received);
        }

        fixture.AssertClean();
        fixture.Close();
    }

    private static byte[] Change(
        StreamFixture fixture, Volume volume, SimulatedRandom random, string snapshot)
    {
        if (random.Chance(0.3))
        {
            long size = random.Between(1L, 600L) * volume.BlockSizeBytes;
            fixture.Here.Run(async () =>
                Assert.Null((await fixture.Tank.ResizeVolumeAsync("db", size)).Fault));
        }

        int blocks = (int)(volume.SizeBytes / volume.BlockSizeBytes);
        for (int i = random.Below(60); i >= 0; i--)
        {
            long at = (long)random.Below(blocks) * volume.BlockSizeBytes;
            if (random.Chance(0.2))
                fixture.Unmap(volume, at, Math.Min(
                    volume.SizeBytes - at, (long)random.Between(1, 200) * volume.BlockSizeBytes));
            else fixture.Write(volume, at, StreamFixture.Bytes(volume.BlockSizeBytes, random.Below(1 << 30)));
        }

        if (random.Coin()) fixture.Here.Run(async () =>
            Assert.Equal(IoStatus.Ok, await fixture.Tank.CheckpointAsync()));
        fixture.Snapshot("db", snapshot);
        byte[] content = [];
        fixture.Here.Run(async () => content = await StreamFixture.ReadAllAsync(fixture.Here, volume));
        return content;
    }

    // Until the receiver has it, whatever comes between.
    private static void Transfer(StreamFixture fixture, SimulatedRandom random, string snapshot, string? from)
    {
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            if (fixture.Vault.FindSnapshot("copy", snapshot) is not null) return;
            ReceivingMark? mark = fixture.Vault.FindVolume("copy")?.Receiving;
            bool isResumed = mark is not null && random.Chance(0.8);
            byte[] stream = fixture.Send(isResumed
                ? new SendRequest("db", snapshot) { Resume = mark.ToString() }
                : new SendRequest("db", snapshot) { From = from });
            bool mayFail = attempt < MostAttempts / 2;
            if (mayFail && random.Chance(0.4)) stream = stream[..random.Below(stream.Length)];
            if (mayFail && random.Coin())
                fixture.There.Node.CrashAtWrite(
                    fixture.There.Node.WriteBoundaryCount + random.Below(random.Coin() ? 12 : 120),
                    random.Coin(), (CrashMode)random.Below(6));
            Receive(fixture, random, stream);
            if (random.Chance(0.1)) GiveUp(fixture);
        }

        throw new InvalidOperationException($"{snapshot} did not arrive in {MostAttempts} attempts");
    }

    private static void Receive(StreamFixture fixture, SimulatedRandom random, byte[] stream)
    {
        Fault? fault = null;
        fixture.There.Run(async () =>
        {
            MemoryPipe pipe = MemoryPipe.Of(fixture.There.Loop, stream, random, 2_000_000);
            fault = (await fixture.Vault.Streams.ReceiveAsync(new ReceiveRequest("copy", false), pipe)).Fault;
        }, mayCrash: true);
        fixture.There.Node.CancelCrash();
        if (fault is not null && fault.Code != "stream-ended")
            throw new InvalidOperationException(fault.ToString());
        if (fixture.There.Node.IsUp) return;
        fixture.There.Crash(CrashMode.Random);
        fixture.There.Run(async () =>
        {
            fixture.Vault = await fixture.There.ImportAsync();
            await PoolFixture.AssertCleanAsync(fixture.Vault);
        });
    }

    private static void GiveUp(StreamFixture fixture)
    {
        if (fixture.Vault.FindVolume("copy") is not { IsReceiving: true }) return;
        fixture.There.Run(async () => Assert.Null((await fixture.Vault.Streams.AbortAsync("copy")).Fault));
    }

    private static void DestroyOlder(StreamFixture fixture, string newest) => fixture.There.Run(async () =>
    {
        foreach (Cstor.Engine.Versions.Snapshot old in fixture.Vault.Snapshots.ToArray())
            if (old.ShortName != newest)
                Assert.Null((await fixture.Vault.DestroySnapshotAsync("copy", old.ShortName)).Fault);
    });
}
