using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class ImportTests
{
    private static readonly BlockPlace Place = new(0, 100);

    [Fact]
    public void Any_two_labels_of_each_device_may_be_lost_and_are_reported_and_repaired()
    {
        for (int first = 0; first < 4; first++)
        {
            for (int second = first + 1; second < 4; second++)
            {
                using VdevRig rig = new(1, 2);
                rig.Run(async () =>
                {
                    PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0), VdevRig.Disk(1));
                    await rig.WriteRootAsync(pool, 2);
                    await pool.FlushAsync();
                    await pool.CloseAsync();
                    foreach (SimulatedDisk disk in rig.Node.Disks.All)
                    {
                        VdevRig.Ruin(disk, first);
                        VdevRig.Ruin(disk, second);
                    }

                    ImportCandidate found = await rig.FindAsync();
                    Assert.All(found.Devices, device => Assert.Equal(2, device.Device!.WholeLabels));
                    PoolDevices opened = await rig.OpenAsync();
                    UberblockScan roots = await opened.ReadUberblocksAsync();
                    Assert.Equal((2UL, 4, 8), (roots.Roots[0].Root.Number, roots.Roots[0].WholeCopies,
                        roots.Roots[0].ExpectedCopies));
                    Assert.Equal(4, roots.NewestMissing.Count);
                    Assert.Contains($"/dev/sda label {first}", roots.NewestMissing);
                    Assert.Equal([0, 0, 0, 0], opened.LabelDamage().Select(damage => damage.Repaired));
                    Assert.StartsWith(
                        $"/dev/sda label {first}: ", opened.LabelDamage()[0].Where, StringComparison.Ordinal);

                    Assert.Equal(IoStatus.Ok, await opened.FlushAsync());
                    Assert.Equal([1, 1, 1, 1], opened.LabelDamage().Select(damage => damage.Repaired));
                    await rig.WriteRootAsync(opened, 2);
                    Assert.Empty((await opened.ReadUberblocksAsync()).NewestMissing);
                    await opened.CloseAsync();
                    Assert.All((await rig.FindAsync()).Devices, device =>
                        Assert.Equal(4, device.Device!.WholeLabels));
                });
            }
        }
    }

    [Fact]
    public void Devices_are_found_under_other_names_and_the_labels_learn_them()
    {
        using VdevRig rig = new(2, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0), VdevRig.Disk(1));
            await rig.WriteAsync(pool, new BlockPlace(0, 5), 0x50);
            await rig.WriteAsync(pool, new BlockPlace(1, 5), 0x51);
            await pool.FlushAsync();
            await pool.CloseAsync();
        });
        DiskImage a = rig.Pull(0);
        DiskImage b = rig.Pull(1);
        rig.Node.Disks.Add(a, "/dev/sdb");
        rig.Node.Disks.Add(b, "/mnt/b.img");
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.OpenAsync();
            Assert.Equal((IoStatus.Ok, 0x50), await rig.ReadAsync(pool, new BlockPlace(0, 5)));
            Assert.Equal((IoStatus.Ok, 0x51), await rig.ReadAsync(pool, new BlockPlace(1, 5)));
            await pool.FlushAsync();
            await pool.CloseAsync();
            ImportCandidate found = await rig.FindAsync();
            Assert.Equal(["/dev/sdb", "/mnt/b.img"], found.Label.Disks.Select(disk => disk.Path));
        });
    }

    [Fact]
    public void A_missing_plain_device_is_named_and_the_pool_not_opened()
    {
        using VdevRig rig = new(3, 3);
        rig.Run(
            async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2))).CloseAsync());
        rig.Pull(2);
        rig.Run(async () =>
        {
            long before = rig.ChangesAsked();
            Outcome<PoolDevices> refused = await rig.TryOpenAsync(force: true);
            Assert.Equal("device-missing", refused.Fault!.Code);
            Assert.Contains("lacks /dev/sdc (vdev 1, guid", refused.Fault.Message, StringComparison.Ordinal);
            Assert.Equal(before, rig.ChangesAsked());
        });
    }

    [Fact]
    public void A_mirror_opens_degraded_and_the_absent_device_is_out_of_date_from_then_on()
    {
        using VdevRig rig = new(4, 3);
        rig.Run(
            async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2))).CloseAsync());
        DiskImage absent = rig.Pull(0);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.OpenAsync();
            pool.Epoch = 9;
            Assert.True(pool.IsDegraded);
            Assert.Equal(["degraded", "online"], pool.Status().Select(vdev => vdev.State));
            Assert.Equal(["missing", "online"], pool.Status()[0].Children.Select(vdev => vdev.State));
            await rig.WriteAsync(pool, Place, 0x77);
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            await pool.CloseAsync();
        });
        rig.Node.Disks.Add(absent);
        rig.Run(async () =>
        {
            ImportCandidate found = await rig.FindAsync();
            Assert.Null(found.Conflict);
            Assert.Equal((VdevState.Removed, 9UL),
                (found.Devices[0].Config.State, found.Devices[0].Config.MissingFrom));
            PoolDevices pool = await rig.OpenAsync();
            for (int i = 0; i < 10; i++) Assert.Equal((IoStatus.Ok, 0x77), await rig.ReadAsync(pool, Place));
            Assert.Equal(IoStatus.DeviceGone, (await rig.ReadCopyAsync(pool, Place, 0)).Status);
            Assert.Equal((IoStatus.Ok, 0x77), await rig.ReadCopyAsync(pool, Place, 1));
        });
    }

    [Fact]
    public void A_stale_device_alone_does_not_pass_for_its_mirror()
    {
        using VdevRig rig = new(5, 3);
        rig.Run(
            async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2))).CloseAsync());
        DiskImage stale = rig.Pull(0);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.OpenAsync();
            await pool.FlushAsync();
            await pool.CloseAsync();
        });
        rig.Pull(1);
        rig.Node.Disks.Add(stale);
        rig.Run(async () =>
        {
            Outcome<PoolDevices> refused = await rig.TryOpenAsync(force: true);
            Assert.Contains("/dev/sda (vdev 0.0,", refused.Fault!.Message, StringComparison.Ordinal);
            Assert.Contains(
                "out of date), /dev/sdb (vdev 0.1,", refused.Fault.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Two_halves_of_a_mirror_that_were_each_used_alone_are_not_joined_unasked()
    {
        using VdevRig rig = new(6, 2);
        CreateAndClose(rig, VdevRig.Mirror(0, 1));
        DiskImage a = rig.Pull(0);
        UseAlone(rig, times: 1);
        DiskImage b = rig.Pull(1);
        rig.Node.Disks.Add(a);
        UseAlone(rig, times: 2);
        rig.Node.Disks.Add(b);
        rig.Run(async () =>
        {
            Outcome<PoolDevices> refused = await rig.TryOpenAsync();
            Assert.Equal(
                "pool 'tank': /dev/sda and /dev/sdb were each used without the other and have diverged",
                refused.Fault!.Message);
            PoolDevices pool = await rig.OpenAsync(force: true);
            Assert.Equal(["", "resilvering"], pool.Status()[0].Children.Select(vdev => vdev.Note));
            // What it missed is not enough: it may have overwritten anything.
            Assert.Equal(1UL, pool.Tree.Vdevs[0].Devices[1].MissingFrom);
        });
    }

    [Fact]
    public void A_pool_in_use_elsewhere_is_taken_only_by_force_and_an_exported_one_by_anyone()
    {
        using VdevRig rig = new(7, 1);
        HostIdentity other = new("node2", new Guid("00000000-0000-4000-8000-00000000bbbb"));
        rig.Run(async () =>
        {
            await (await rig.CreateAsync(VdevRig.Disk(0))).CloseAsync();
            Outcome<PoolDevices> refused = await rig.TryOpenAsync(host: other);
            Assert.Equal("pool-active-elsewhere", refused.Fault!.Code);
            Assert.Contains("host 'node1'", refused.Fault.Message, StringComparison.Ordinal);

            Outcome<PoolDevices> taken = await rig.TryOpenAsync(force: true, host: other);
            Assert.Equal(IoStatus.Ok, await taken.Value.WriteLabelsAsync(PoolState.Active));
            await taken.Value.CloseAsync();
            Assert.Equal("pool-active-elsewhere", (await rig.TryOpenAsync()).Fault!.Code);

            Outcome<PoolDevices> again = await rig.TryOpenAsync(host: other);
            Assert.Equal(IoStatus.Ok, await again.Value.WriteLabelsAsync(PoolState.Exported));
            await again.Value.CloseAsync();
            Assert.True((await rig.TryOpenAsync()).IsOk);
        });
    }

    [Fact]
    public void A_destroyed_pool_comes_back_only_by_force()
    {
        using VdevRig rig = new(8, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            await pool.WriteLabelsAsync(PoolState.Destroyed);
            await pool.CloseAsync();
            Assert.Equal("pool-destroyed", (await rig.TryOpenAsync()).Fault!.Code);
            Assert.True((await rig.TryOpenAsync(force: true)).IsOk);
        });
    }

    [Fact]
    public void Opening_writes_nothing_and_read_only_never_does()
    {
        using VdevRig rig = new(9, 2);
        rig.Run(async () =>
        {
            await (await rig.CreateAsync(VdevRig.Mirror(0, 1))).CloseAsync();
            long before = rig.ChangesAsked();
            PoolDevices opened = await rig.OpenAsync();
            Assert.Equal(before, rig.ChangesAsked());
            await opened.CloseAsync();

            PoolDevices pool = await rig.OpenAsync(readOnly: true);
            Assert.Equal(IoStatus.ReadOnly, await rig.WriteAsync(pool, Place, 1));
            Assert.Equal(IoStatus.ReadOnly, await rig.WriteRootAsync(pool, 2));
            Assert.Equal(IoStatus.ReadOnly, await pool.WriteLabelsAsync(PoolState.Exported));
            Assert.Equal(IoStatus.ReadOnly, await pool.DiscardAsync(Place, 1));
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            Assert.Equal(before, rig.ChangesAsked());
        });
    }

    [Fact]
    public void One_bad_device_does_not_spoil_the_scan()
    {
        using VdevRig rig = new(10, 5);
        CreateAndClose(rig, VdevRig.Disk(0));
        rig.DiskAt(1).Faults.ReadError = 1;
        rig.DiskAt(2).Faults.IsDead = true;
        rig.Node.Disks.Add("/dev/empty", 0);
        rig.Run(async () =>
        {
            ImportScan scan = await rig.ScanAsync();
            Assert.Equal("tank", Assert.Single(scan.Pools).Name);
            Assert.Equal(["/dev/sdb", "/dev/sdc"], scan.Unusable.Select(device => device.Path));
        });
    }

    [Fact]
    public void A_copied_device_is_a_duplicate_and_the_newer_one_is_taken()
    {
        using VdevRig rig = new(11, 1);
        CreateAndClose(rig, VdevRig.Disk(0));
        DiskImage copy = rig.DiskAt(0).ImageAfterCrash(CrashMode.KeepEverything, 1);
        UseAlone(rig, times: 1);
        rig.Node.Disks.Add(copy, "/dev/copy");
        rig.Run(async () =>
        {
            ImportCandidate found = await rig.FindAsync();
            Assert.Equal("/dev/sda", found.Devices[0].Device!.Path);
            Assert.Equal("/dev/copy", Assert.Single(found.Duplicates).Path);
            Assert.True((await rig.TryOpenAsync()).IsOk);
        });
    }

    [Fact]
    public void A_device_that_changed_hands_since_the_scan_is_not_opened_as_a_member()
    {
        using VdevRig rig = new(12, 1);
        rig.Run(async () =>
        {
            await (await rig.CreateAsync(VdevRig.Disk(0))).CloseAsync();
            ImportCandidate found = await rig.FindAsync();
            Outcome<PoolDevices> other = await PoolDevices.CreateAsync(
                rig.Loop,
                NullLogger.Instance,
                "other",
                Guid.Parse("7a6b0000-0000-4000-8000-000000000002"),
                [VdevRig.Disk(0)],
                force: true);
            await other.Value.CloseAsync();
            Outcome<PoolDevices> refused = await PoolDevices.OpenAsync(
                rig.Loop, NullLogger.Instance, found, false, true, VdevRig.Host);
            Assert.Contains(
                "/dev/sda has changed since the scan", refused.Fault!.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void An_export_interrupted_anywhere_leaves_the_pool_importable_as_active_or_exported()
    {
        HashSet<PoolState> states = [];
        for (long boundary = 0; boundary < 20; boundary++)
        {
            foreach (CrashMode mode in Enum.GetValues<CrashMode>())
            {
                using VdevRig rig = new((ulong)boundary, 2);
                long start = rig.Run(async () =>
                {
                    await rig.CreateAsync(VdevRig.Mirror(0, 1));
                    return rig.Node.WriteBoundaryCount;
                });
                rig.Restart(CrashMode.DropUnflushed);

                // Other names change the end of the text as well, so that a torn label is a broken one.
                for (int disk = 0; disk < 2; disk++)
                    rig.Node.Disks.Add(rig.Pull(disk), $"/dev/renamed-{disk}");
                rig.Node.CrashAtWrite(start + boundary, isMidway: boundary % 2 == 1, mode);
                bool isDone = rig.Run(async () =>
                {
                    PoolDevices pool = await rig.OpenAsync();
                    Assert.Equal(IoStatus.Ok, await pool.WriteLabelsAsync(PoolState.Exported));
                }) == RunEnd.Completed;
                rig.Restart(mode);
                PoolState state = rig.Run(async () =>
                {
                    ImportCandidate found = await rig.FindAsync();
                    Assert.Empty(found.Missing);
                    Assert.Null(found.Obstacle(VdevRig.Host, false, false));
                    return found.State;
                });
                if (isDone) Assert.Equal(PoolState.Exported, state);
                states.Add(state);
            }
        }

        Assert.Equal([PoolState.Active, PoolState.Exported], states.Order());
    }

    private static void CreateAndClose(VdevRig rig, params VdevSpec[] specs) =>
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(specs);
            await pool.CloseAsync();
        });

    private static void UseAlone(VdevRig rig, int times)
    {
        rig.Run(async () =>
        {
            for (int i = 0; i < times; i++)
            {
                PoolDevices pool = await rig.OpenAsync();
                await pool.WriteLabelsAsync(PoolState.Active);
                await pool.CloseAsync();
            }
        });
    }
}
