using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Maintenance;

public sealed class PoolMaintenanceTests
{
    private const long DiskBytes = 128L << 20;

    [Fact]
    public void Requests_that_would_lose_data_or_make_no_sense_are_refused_and_leave_the_pool_as_it_was()
    {
        using PoolFixture rig = new(1, 8, DiskBytes, Group(VdevKind.Mirror, 0, 1), Group(VdevKind.Raidz1, 2,
            3, 4));
        rig.Node.Disks.Add("/dev/small", 64L << 20);
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            string before = Describe(pool);
            Assert.Equal("device-too-small", (await pool.ReplaceAsync("/dev/a", "/dev/small",
                false)).Fault!.Code);
            Assert.Equal("device-too-small", (await pool.AttachAsync("a", "/dev/small", false)).Fault!.Code);
            Assert.Equal("no-such-device", (await pool.OfflineAsync("/dev/h")).Fault!.Code);
            Assert.Equal("vdev-raidz", (await pool.AttachAsync("/dev/c", "/dev/f", false)).Fault!.Code);
            Assert.Equal("device-no-mirror", (await pool.DetachAsync("/dev/d")).Fault!.Code);
            Assert.Equal("device-in-use", (await pool.ReplaceAsync("/dev/a", null, false)).Fault!.Code);
            Assert.Equal("vdev-weaker",
                (await pool.AddAsync([new VdevSpec(VdevKind.Disk, ["/dev/f"])], false, false)).Fault!.Code);
            Fault own = (await pool.ReplaceAsync("/dev/a", "/dev/b", true)).Fault!;
            Assert.Contains("/dev/b", own.Message, StringComparison.Ordinal);
            Assert.Equal(before, Describe(pool));

            Assert.Null((await pool.OfflineAsync("/dev/a")).Fault);
            Assert.Null((await pool.OfflineAsync("/dev/c")).Fault);
            before = Describe(pool);
            Assert.Equal("device-last-copy", (await pool.OfflineAsync("/dev/b")).Fault!.Code);
            Assert.Equal("device-last-copy", (await pool.OfflineAsync("/dev/d")).Fault!.Code);
            Assert.Equal("device-last-copy", (await pool.DetachAsync("/dev/b")).Fault!.Code);
            Assert.Equal(before, Describe(pool));
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void A_device_of_another_pool_joins_only_by_force()
    {
        using PoolFixture rig = new(2, 3, DiskBytes, Group(VdevKind.Mirror, 0, 1));
        rig.Run(async () =>
        {
            PoolRegistry other = new(
                rig.Loop, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance,
                    new PoolOptions());
            Pool foreign = (await other.CreateAsync("other", [Group(VdevKind.Disk, 2)], false)).Value;
            Pool pool = await rig.CreateAsync();
            Assert.NotNull((await pool.AttachAsync("/dev/a", "/dev/c", true)).Fault);
            await foreign.CloseAsync(exported: true);
            Assert.Equal("device-has-pool", (await pool.AttachAsync("/dev/a", "/dev/c", false)).Fault!.Code);
            Assert.Null((await pool.AttachAsync("/dev/a", "/dev/c", true)).Fault);
            Assert.Equal(3, pool.Status().Vdevs[0].Children.Count);
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void What_add_would_do_is_said_without_doing_it()
    {
        using PoolFixture rig = new(3, 6, DiskBytes, Group(VdevKind.Raidz1, 0, 1, 2));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            string before = Describe(pool);
            VdevSpec[] specs =
            [
                new(VdevKind.Disk, ["/dev/f"], VdevRole.Spare),
                new(VdevKind.Mirror, ["/dev/d", "/dev/e"], VdevRole.Log),
            ];
            Outcome<CreationPlan> plan = await pool.AddAsync(specs, false, dryRun: true);
            Assert.Equal([VdevRole.Log, VdevRole.Spare], plan.Value.Vdevs.Select(vdev => vdev.Role));
            Assert.Equal(before, Describe(pool));
            Assert.Null((await pool.AddAsync(specs, false, dryRun: false)).Fault);
            Assert.Equal(
                [("raidz1", "data", "online"), ("mirror", "log", "online"), ("disk", "spare", "available")],
                pool.Status().Vdevs.Select(vdev => (vdev.Kind, vdev.Role, vdev.State)));
            await pool.CloseAsync(exported: true);
            Pool again = await rig.ImportAsync();
            Assert.Equal(3, again.Status().Vdevs.Count);
            Assert.Null((await again.DetachAsync("/dev/f")).Fault);
            Assert.Equal(2, again.Status().Vdevs.Count);
            await again.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void A_device_is_taken_offline_and_brought_back_under_another_name()
    {
        using PoolFixture rig = new(4, 3, DiskBytes, Group(VdevKind.Raidz1, 0, 1, 2));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            Assert.Null((await pool.OfflineAsync("b")).Fault);
            Assert.Equal("offline", pool.Status().Vdevs[0].Children[1].State);
            Assert.Equal("degraded", pool.Status().Vdevs[0].State);
            DiskImage image = rig.Node.Disks["/dev/b"].ImageAfterCrash(CrashMode.KeepEverything, 1);
            rig.Node.Disks.Remove("/dev/b");
            rig.Node.Disks.Add(image, "/dev/z");
            Assert.Null((await pool.OnlineAsync("/dev/b")).Fault);
            Assert.Equal("/dev/z", pool.Status().Vdevs[0].Children[1].Path);
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void A_device_that_is_gone_is_taken_out_of_use_and_comes_back_when_it_is_there_again()
    {
        using PoolFixture rig = new(5, 2, DiskBytes, Group(VdevKind.Mirror, 0, 1));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            SimulatedDisk disk = rig.Node.Disks["/dev/b"];
            await pool.LookAfterDevicesAsync();
            Assert.Equal("online", pool.Status().Vdevs[0].State);
            disk.Faults.IsDead = true;
            await pool.LookAfterDevicesAsync();
            Assert.Equal("degraded", pool.Status().Vdevs[0].State);
            disk.Faults.IsDead = false;
            await pool.LookAfterDevicesAsync();
            Assert.Equal("online", pool.Status().Vdevs[0].Children[1].State);

            // What the operator took out stays out.
            Assert.Null((await pool.OfflineAsync("/dev/b")).Fault);
            await pool.LookAfterDevicesAsync();
            Assert.Equal("offline", pool.Status().Vdevs[0].Children[1].State);
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void The_last_good_copy_is_never_taken_out_though_it_is_gone()
    {
        using PoolFixture rig = new(6, 2, DiskBytes, Group(VdevKind.Mirror, 0, 1));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            Assert.Null((await pool.OfflineAsync("/dev/a")).Fault);
            rig.Node.Disks["/dev/b"].Faults.IsDead = true;
            await pool.LookAfterDevicesAsync();
            Assert.Equal("online", pool.Status().Vdevs[0].Children[1].State);
            rig.Node.Disks["/dev/b"].Faults.Clear();
            await pool.CloseAsync(exported: true);
        });
    }

    private static VdevSpec Group(VdevKind kind, params int[] disks) =>
        new(kind, [.. disks.Select(PoolFixture.PathOf)]);

    private static string Describe(Pool pool) => string.Join(" ", pool.Status().Vdevs.Select(Describe));

    private static string Describe(VdevStatus vdev) =>
        $"{vdev.Kind}:{vdev.Guid}:{vdev.Path}:{vdev.State}:{vdev.Note}"
        + $"({string.Join(" ", vdev.Children.Select(Describe))})";
}
