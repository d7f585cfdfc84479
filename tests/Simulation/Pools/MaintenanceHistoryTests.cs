// Pools that are mended while they are used: in every life devices are taken offline and brought back,
// replaced, attached, detached and filled with random bytes, as many at once as the redundancy spares, under
// load and across crashes. Nothing flushed may be lost, and when peace returns, resilver and scrub must end
// with a pool in which the whole-pool check finds nothing.
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

[Trait("Category", "Simulation")]
public sealed class MaintenanceHistoryTests
{
    private const int SeedsByDefault = 60;
    private const long Second = 1_000_000_000;

    private static readonly string[] Extra = ["/dev/xa", "/dev/xb"];

    private static readonly PoolShape[] Shapes = [.. PoolShape.All.Where(shape => shape.IsRedundant)];

    [Fact]
    public void Nothing_is_lost_by_mending_and_everything_is_whole_in_the_end()
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
        SimulatedRandom random = SimulatedRandom.For(seed, "mending");
        PoolShape shape = Shapes[random.Below(Shapes.Length)];
        using PoolWorld world = new(seed, shape);
        foreach (string path in Extra) world.Node.Disks.Add(path, 100L << 20);
        world.Options = world.Options with
        {
            PendingLimit = random.Coin() ? 100 : 100_000,
            CheckpointInterval = TimeSpan.FromMilliseconds(random.Coin() ? 200 : 20_000),
        };
        bool isAfterCrash = false;
        int lives = random.Between(2, 4);
        for (int life = 0; life <= lives; life++)
        {
            bool isLast = life == lives;
            world.Node.CancelCrash();
            if (!isLast && world.IsCreated && random.Chance(0.7))
            {
                long boundary = world.Node.WriteBoundaryCount + random.Below(2500);
                world.Node.CrashAtWrite(boundary, random.Coin(), (CrashMode)random.Below(6));
            }

            world.Log.Note($"life {life} of {shape.Name}");
            RunEnd ended = world.Live(loop => LiveOnceAsync(world, loop, random, isAfterCrash, isLast));
            isAfterCrash = ended == RunEnd.NodeDied;
            if (isAfterCrash) world.Model.Crash();
        }
    }

    private static async ValueTask LiveOnceAsync(
        PoolWorld world, SimulatedLoop loop, SimulatedRandom random, bool isAfterCrash, bool isLast)
    {
        bool isNew = !world.IsCreated;
        PoolSession session = await world.OpenAsync(loop);
        if (!isNew) await session.SettleAsync(isAfterCrash);
        // What the last life damaged and could not mend must be mended before more is.
        if (!isNew) await RestAsync(loop, session.Pool);
        if (!isNew) await CureAsync(loop, session.Pool);
        if (session.Drivers.Count == 0)
        {
            int block = 4096 << random.Below(4);
            await session.CreateVolumeAsync($"v{world.Model.History.Tick()}", 1 << 20, block, "off");
        }

        for (int phase = random.Between(1, 3); phase > 0; phase--)
        {
            WorkloadMix mix = new() { Concurrency = random.Between(1, 8), MaximumBytes = 64 * 1024 };
            Task work = session.WorkAsync(mix, random.Between(20, 150)).AsTask();
            for (int act = random.Between(1, 4); act > 0; act--)
            {
                await loop.DelayAsync(random.Below(20) * 1_000_000L);
                await MendAsync(world, session, random);
            }

            await work;
            await RestAsync(loop, session.Pool);
            if (!IsWhole(session.Pool) || !random.Chance(0.6)) continue;
            Damage(world, session.Pool, random);
            await session.WorkAsync(mix, 40);
            await CureAsync(loop, session.Pool);
        }

        if (isLast)
        {
            foreach (PoolDevice device in session.Pool.Core.Devices.Tree.Devices.ToArray())
                if (!device.IsWritable)
                    await session.Pool.OnlineAsync(device.Guid.ToString());
            await RestAsync(loop, session.Pool);
            await CureAsync(loop, session.Pool);
            Assert.True(IsWhole(session.Pool), "not whole in the end: " + Describe(session.Pool));
        }

        await session.CheckAsync(hasVictim: false);
        await session.ExportAsync();
    }

    private static string Describe(Pool pool) => string.Join("; ", pool.Core.Devices.Tree.Devices.Select(
        device => $"{device.Path} {device.State} {device.MissingFrom} {device.IsPresent}"));

    private static bool IsWhole(Pool pool) => pool.Core.Devices.Tree.Vdevs
        .SelectMany(vdev => vdev.Devices).All(device => device.IsCurrent);

    // Any of these may be refused, with a reason; none may do harm.
    private static async ValueTask MendAsync(PoolWorld world, PoolSession session, SimulatedRandom random)
    {
        Pool pool = session.Pool;
        PoolDevice[] devices = [.. pool.Core.Devices.Tree.Devices];
        string device = devices[random.Below(devices.Length)].Guid.ToString();
        string other = Extra.Concat(devices.Select(known => known.Path)).ToArray()[random.Below(2)];
        int choice = random.Below(9);
        Fault? fault = choice switch
        {
            0 or 1 => (await pool.OfflineAsync(device)).Fault,
            2 or 3 => (await pool.OnlineAsync(device)).Fault,
            4 => (await pool.ReplaceAsync(device, other, true)).Fault,
            5 => (await pool.AttachAsync(device, other, true)).Fault,
            6 => (await pool.DetachAsync(device)).Fault,
            7 => (await pool.AddAsync(
                [new VdevSpec(VdevKind.Disk, [other], VdevRole.Spare)], true, false)).Fault,
            _ => (await pool.ScrubAsync((ScrubCommand)random.Below(3))).Fault,
        };
        world.Log.Note($"act {choice} on {device} with {other}: {fault?.Message ?? "done"}");
    }

    // As many devices of one vdev as it spares, all over.
    private static void Damage(PoolWorld world, Pool pool, SimulatedRandom random)
    {
        Vdev[] vdevs = pool.Core.Devices.Tree.Vdevs;
        Vdev vdev = vdevs[random.Below(vdevs.Length)];
        List<PoolDevice> devices = [.. vdev.Devices];
        int parity = VdevGeometry.ParityOf(vdev.Kind);
        int most = parity == 0 ? devices.Count - 1 : parity;
        byte[] garbage = new byte[Layout.SectorBytes];
        for (int count = Math.Min(most, random.Between(1, 3)); count > 0; count--)
        {
            PoolDevice victim = devices[random.Below(devices.Count)];
            devices.Remove(victim);
            world.Log.Note($"random bytes on {victim.Path}");
            SimulatedDisk disk = world.Node.Disks[victim.Path];
            for (int i = 0; i < 3000; i++)
            {
                random.Fill(garbage.AsSpan(0, 64));
                long sector = random.Below((int)Math.Min(victim.SizeSectors, 20_000));
                disk.Poke(Layout.DataStartBytes + (sector * Layout.SectorBytes), garbage);
            }
        }
    }

    private static async ValueTask CureAsync(SimulatedLoop loop, Pool pool)
    {
        await pool.ScrubAsync(ScrubCommand.Stop);
        Fault? fault = (await pool.ScrubAsync(ScrubCommand.Start)).Fault;
        Assert.True(fault is null, fault?.Message);
        await RestAsync(loop, pool);
        ScanStatus? scan = pool.Status().Scan;
        Assert.True(scan is { State: "finished", LostBlocks: 0 }, $"the scrub: {scan}");
    }

    // Until nothing is being scanned, in virtual time.
    private static async ValueTask RestAsync(SimulatedLoop loop, Pool pool)
    {
        for (int seconds = 0; seconds < 600; seconds++)
        {
            await loop.DelayAsync(Second);
            bool isRebuilding = pool.Core.Devices.Tree.Devices.Any(device => device.IsRebuilding);
            if (!isRebuilding && pool.Status().Scan is not { State: "running" }) return;
        }

        Assert.Fail($"still scanning after ten minutes: {pool.Status().Scan}");
    }
}
