// Many short histories, each from one seed: a pool of some shape lives through several crashes, kills and
// clean exports, with random volumes and requests, and with faults of what the pool survives: as many
// disks of a vdev as its redundancy spares rot, lose or misplace writes, ignore flushes, fail or die;
// everything that was acknowledged and flushed must be there all the same.
using Cstor.Engine.Host;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

[Trait("Category", "Simulation")]
public sealed class SeededWorkloadTests
{
    private const int SeedsByDefault = 250;
    private const int KiB = 1024;

    private static readonly int[] BlockBytes = [4 * KiB, 4 * KiB, 8 * KiB, 16 * KiB, 64 * KiB, 128 * KiB];

    private static readonly string[] Compressions = ["off", "lz4", "zstd"];

    [Fact]
    public void Nothing_flushed_is_lost_in_any_history()
    {
        List<string> failures = [];
        foreach (ulong seed in SeedRange.Of(SeedsByDefault))
        {
            if (Record.Exception(() => Live(seed)) is not { } failure) continue;
            failures.Add($"CSTOR_SEED={seed}: {failure.Message}");
            if (failures.Count == 5) break;
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static void Live(ulong seed)
    {
        SimulatedRandom random = SimulatedRandom.For(seed, "history");
        PoolShape shape = PoolShape.All[random.Below(PoolShape.All.Count)];
        using PoolWorld world = new(seed, shape);
        world.Options = world.Options with
        {
            PendingLimit = random.Below(3) switch { 0 => 40, 1 => 400, _ => 100_000 },
            LogLimitBytes = random.Below(3) switch { 0 => 64 * KiB, 1 => 1024 * KiB, _ => 32 * 1024 * KiB },
            CommitInterval = TimeSpan.FromMilliseconds(random.Coin() ? 50 : 5000),
            CheckpointInterval = TimeSpan.FromMilliseconds(random.Coin() ? 200 : 60_000),
        };
        SimulatedDisk[] victims = shape.IsRedundant && random.Chance(0.7)
            ? [.. shape.DrawVictims(random).Select(path => world.Node.Disks[path])]
            : [];
        bool isAfterCrash = false;
        int lives = random.Between(2, 5);
        for (int life = 0; life <= lives; life++)
        {
            bool isLast = life == lives;
            world.Node.CancelCrash();
            SimulatedEvent? end = isLast ? null : PlanEnd(world, random);
            foreach (SimulatedDisk victim in victims) Afflict(victim, random, isLast || !world.IsCreated);
            string named = string.Join(" ", victims.Select(disk => disk.Path));
            world.Log.Note($"life {life} of {shape.Name}, victims {named}");
            bool hasVictim = victims.Length > 0;
            bool isUnlucky = !isLast && !shape.IsRedundant && random.Chance(0.15);
            RunEnd ended = world.Live(loop =>
                LiveOnceAsync(world, loop, random, isAfterCrash, hasVictim, isUnlucky));
            foreach (SimulatedDisk disk in world.Node.Disks.All)
                if (!victims.Contains(disk)) disk.Faults.Clear();
            if (end is not null) end.IsCancelled = true;
            isAfterCrash = ended == RunEnd.NodeDied;
            if (isAfterCrash) world.Model.Crash();
        }
    }

    private static async ValueTask LiveOnceAsync(
        PoolWorld world,
        SimulatedLoop loop,
        SimulatedRandom random,
        bool isAfterCrash,
        bool hasVictim,
        bool isUnlucky)
    {
        bool isNew = !world.IsCreated;
        PoolSession session = await world.OpenAsync(loop);
        if (!isNew) await session.SettleAsync(isAfterCrash);
        session.IsMisfortune = isUnlucky;
        string unlucky = PoolShape.PathOf(random.Below(world.Shape.DiskCount));
        if (isUnlucky) BringMisfortune(world.Node.Disks[unlucky], random);
        IoStatus[] failures = isUnlucky ? [IoStatus.DeviceError, IoStatus.PoolStopped] : [];
        int phases = random.Between(1, 4);
        for (int phase = 0; phase < phases; phase++)
        {
            await AdministerAsync(session, random, world.Model.History.Tick());
            WorkloadMix mix = new()
            {
                Concurrency = random.Between(1, 16),
                MaximumBytes = random.Coin() ? 16 * KiB : 256 * KiB,
                Durable = random.Below(3) switch { 0 => 0, 1 => 0.2, _ => 0.9 },
                Partial = random.Below(3) switch { 0 => 0, 1 => 0.2, _ => 0.8 },
                Flushes = random.Below(3) * 6,
                AllowedFailures = failures,
            };
            if (session.Drivers.Count > 0)
            {
                Task settings = ChangeSettingsAsync(session, loop, random);
                await session.WorkAsync(mix, random.Between(10, 120));
                await settings;
            }

            if (random.Chance(0.2)) await session.CheckpointAsync(failures);
            if (random.Chance(0.1)) await loop.DelayAsync(random.Between(0L, 100L) * 1_000_000_000);
        }

        if (isUnlucky)
        {
            world.Node.Kill();
            await loop.DelayAsync(1);
        }

        await session.CheckAsync(hasVictim);
        await session.ExportAsync();
    }

    private static async ValueTask AdministerAsync(PoolSession session, SimulatedRandom random, long number)
    {
        int count = session.Drivers.Count;
        int choice = count == 0 ? 0 : random.Below(8);
        if (choice == 0 || (choice == 1 && count < 3))
        {
            int block = BlockBytes[random.Below(BlockBytes.Length)];
            long size = (long)random.Between(1, 12) * 128 * KiB;
            await session.CreateVolumeAsync($"v{number}", size, block, Compressions[random.Below(3)]);
        }
        else if (choice == 2 && count > 1)
        {
            await session.DestroyVolumeAsync(session.Drivers[random.Below(count)]);
        }
        else if (choice == 3)
        {
            VolumeDriver driver = session.Drivers[random.Below(count)];
            await session.ResizeVolumeAsync(driver, (long)random.Between(1, 12) * 128 * KiB);
        }
    }

    // How new blocks are stored changes while requests are under way.
    private static async Task ChangeSettingsAsync(
        PoolSession session, SimulatedLoop loop, SimulatedRandom random)
    {
        for (int changes = random.Below(4); changes > 0; changes--)
        {
            await loop.DelayAsync(random.Between(0L, 20L) * 1_000_000);
            VolumeDriver driver = session.Drivers[random.Below(session.Drivers.Count)];
            if (random.Coin())
                await session.SetPropertyAsync(driver, "compression", Compressions[random.Below(3)]);
            else
                await session.SetPropertyAsync(driver, "checksum", random.Coin() ? "blake3" : "xxh128");
        }
    }

    // A life ends at a write boundary or at any instant, or in good order when its work is done.
    private static SimulatedEvent? PlanEnd(PoolWorld world, SimulatedRandom random)
    {
        int choice = random.Below(8);
        if (choice == 0) return null;
        int distance = random.Chance(0.3) ? random.Below(40) : random.Below(1500);
        long boundary = world.Node.WriteBoundaryCount + distance;
        if (choice < 6)
        {
            world.Node.CrashAtWrite(boundary, random.Coin(), (CrashMode)random.Below(6));
            return null;
        }

        return world.Machine.At(random.Between(0L, 400L) * 1_000_000, null, "end", () =>
        {
            if (!world.Node.IsUp) return;
            if (choice == 6)
                world.Node.Kill();
            else
                world.Node.Crash((CrashMode)random.Below(6));
        });
    }

    // On disks without a second copy: requests fail, and the pool may stop, but what was flushed stays.
    private static void BringMisfortune(SimulatedDisk disk, SimulatedRandom random)
    {
        switch (random.Below(4))
        {
            case 0: disk.Faults.WriteError = 0.01; break;
            case 1: disk.Faults.FlushError = 0.1; break;
            case 2: disk.Faults.ReadError = 0.02; break;
            default: disk.Faults.WriteError = disk.Faults.FlushError = disk.Faults.ReadError = 0.005; break;
        }
    }

    private static void Afflict(SimulatedDisk victim, SimulatedRandom random, bool isHealthy)
    {
        DiskFaults faults = victim.Faults;
        faults.Clear();
        if (isHealthy || random.Chance(0.2)) return;
        switch (random.Below(9))
        {
            case 0: faults.Rot = 0.02; break;
            case 1: faults.LostWrite = 0.05; break;
            case 2: faults.MisdirectedWrite = 0.03; break;
            case 3: faults.IgnoredFlush = 0.3; break;
            case 4: faults.ReadError = 0.05; break;
            case 5: faults.WriteError = 0.01; break;
            case 6: faults.IsDead = true; break;
            case 7:
                faults.Stall = 0.01;
                faults.StallNanoseconds = 1_000_000_000;
                faults.SlowFactor = 5;
                break;
            default:
                long deathAt = random.Below(600L);
                faults.Script = request =>
                {
                    if (request.Index > deathAt + 100) faults.IsDead = true;
                    return null;
                };
                break;
        }
    }
}
