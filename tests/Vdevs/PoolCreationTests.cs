using System.Buffers.Binary;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class PoolCreationTests
{
    [Fact]
    public void A_created_pool_is_found_whole_and_active_on_its_host()
    {
        using VdevRig rig = new(1, 3);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2));
            Assert.Equal(2, pool.VdevCount);
            Assert.Equal((64 << 8) - 256, pool.SectorCount(0));
            Assert.Equal((2, 1), (pool.Tree.Vdevs[0].Devices.Length, pool.Tree.Vdevs[1].Devices.Length));
            Assert.Equal(5, pool.Geometry(0).AllocatedSectors(5));
            await pool.CloseAsync();

            ImportCandidate found = await rig.FindAsync();
            Assert.Equal(("tank", VdevRig.PoolGuid, PoolState.Active), (found.Name, found.Guid, found.State));
            Assert.Equal(("node1", VdevRig.Host.Id), (found.Label.HostName, found.Label.HostId));
            Assert.Equal(["0.0 /dev/sda", "0.1 /dev/sdb", "1 /dev/sdc"],
                found.Devices.Select(device => $"{device.Position} {device.Device!.Path}"));
            Assert.All(found.Devices, device => Assert.Equal(4, device.Device!.WholeLabels));
            Assert.Null(found.Obstacle(VdevRig.Host, readOnly: false, force: false));
        });
    }

    [Fact]
    public void A_creation_that_ended_before_its_first_root_is_no_pool_and_may_be_repeated_without_force()
    {
        using VdevRig rig = new(2, 2);
        rig.Run(async () =>
        {
            Outcome<PoolDevices> created = await rig.TryCreateAsync(false, VdevRig.Mirror(0, 1));
            await created.Value.FlushAsync();
            await created.Value.CloseAsync();

            Outcome<PoolDevices> opened = await rig.TryOpenAsync(force: true);
            Assert.Equal("pool-incomplete", opened.Fault!.Code);
            await rig.CreateAsync(VdevRig.Mirror(0, 1));
        });
    }

    [Fact]
    public void A_crash_anywhere_in_creation_leaves_a_whole_pool_or_none()
    {
        HashSet<string> ends = [];
        for (long boundary = 0; boundary < 60; boundary++)
        {
            using VdevRig rig = new((ulong)boundary, 2);
            rig.Node.CrashAtWrite(boundary, isMidway: boundary % 2 == 0, CrashMode.Random);
            RunEnd creation = rig.Run(async () =>
            {
                await rig.CreateAsync(VdevRig.Mirror(0, 1));
            });
            bool isCreated = creation == RunEnd.Completed;
            rig.Restart(CrashMode.Random);
            string end = rig.Run(async () =>
            {
                ImportScan scan = await rig.ScanAsync();
                if (scan.Pools.Count == 0) return "none";
                if (scan.Pools[0].State == PoolState.Creating) return "creating";
                PoolDevices pool = await rig.OpenAsync();
                UberblockScan roots = await pool.ReadUberblocksAsync();
                Assert.Equal(1UL, Assert.Single(roots.Roots).Root.Number);
                return "created";
            });
            Assert.True(!isCreated || end == "created", $"boundary {boundary}: {end}");
            ends.Add(isCreated ? "complete" : end);
        }

        Assert.Equal(["complete", "created", "creating", "none"], ends.Order());
    }

    [Fact]
    public void Creation_wipes_the_roots_and_labels_of_the_pool_that_was_there()
    {
        using VdevRig rig = new(3, 1);
        rig.Run(async () =>
        {
            PoolDevices old = await rig.CreateAsync(VdevRig.Disk(0));
            for (ulong number = 2; number < 40; number++) await rig.WriteRootAsync(old, number);
            await old.FlushAsync();
            await old.CloseAsync();

            Outcome<PoolDevices> refused = await rig.TryCreateAsync(false, VdevRig.Disk(0));
            Assert.Equal("device-has-pool", refused.Fault!.Code);
            Outcome<PoolDevices> created = await rig.TryCreateAsync(true, VdevRig.Disk(0));
            UberblockScan roots = await created.Value.ReadUberblocksAsync();
            Assert.Empty(roots.Roots);
            Assert.Empty(roots.Damaged);
        });
    }

    [Theory]
    [InlineData(PoolState.Active, "/dev/sda: belongs to pool 'tank', last in use on host 'node1'")]
    [InlineData(PoolState.Exported, "/dev/sda: belongs to the exported pool 'tank'")]
    [InlineData(PoolState.Destroyed, "/dev/sda: belonged to the destroyed pool 'tank'")]
    public void A_labelled_device_is_refused_by_its_pools_name(PoolState state, string message)
    {
        using VdevRig rig = new(4, 2);
        rig.Run(async () =>
        {
            PoolDevices old = await rig.CreateAsync(VdevRig.Disk(0));
            await old.WriteLabelsAsync(state);
            await old.CloseAsync();
            await AssertRefusedAsync(rig, message, VdevRig.Mirror(1, 0));
        });
    }

    [Fact]
    public void A_device_of_an_open_pool_is_refused_even_by_force()
    {
        using VdevRig rig = new(5, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync(VdevRig.Disk(0));
            long before = rig.ChangesAsked();
            Outcome<PoolDevices> refused = await rig.TryCreateAsync(true, VdevRig.Disk(1), VdevRig.Disk(0));
            Assert.Equal("/dev/sda: is held by another program", refused.Fault!.Message);
            Assert.Equal(before, rig.ChangesAsked());
        });
    }

    [Fact]
    public void All_objections_are_named_at_once_and_nothing_is_written()
    {
        using VdevRig rig = new(6, 3);
        rig.Node.Disks.Add("/dev/tiny", 63L << 20);
        rig.Node.Disks.Add("/dev/coarse", 64L << 20).PhysicalSectorBytes = 8192;
        rig.Run(async () =>
        {
            PoolDevices old = await rig.CreateAsync(VdevRig.Disk(0));
            await old.CloseAsync();
            await AssertRefusedAsync(
                rig,
                "/dev/sda: belongs to pool 'tank', last in use on host 'node1'; "
                + "/dev/tiny: has 63 MiB of the 64 MiB needed; "
                + "/dev/coarse: its sectors have 8192 bytes, more than 4096; /dev/none: no such device",
                VdevRig.Mirror(1, 0),
                new VdevSpec(VdevKind.Mirror, ["/dev/tiny", "/dev/coarse"]),
                new VdevSpec(VdevKind.Disk, ["/dev/none"]));
        });
    }

    [Fact]
    public void Requests_that_make_no_pool_are_refused_with_the_reason()
    {
        using VdevRig rig = new(7, 3);
        rig.Run(async () =>
        {
            await AssertRefusedAsync(rig, "/dev/sda: named twice", VdevRig.Mirror(0, 1), VdevRig.Disk(0));
            await AssertRefusedAsync(rig, "mirror: has 1 devices, it takes 2 to 255", VdevRig.Mirror(0));
            await AssertRefusedAsync(rig, "raidz2: has 2 devices, it takes 3 to 255",
                new VdevSpec(VdevKind.Raidz2, ["/dev/sda", "/dev/sdb"]));
            await AssertRefusedAsync(rig, "a raidz1 cannot be a log vdev", VdevRig.Disk(0),
                new VdevSpec(VdevKind.Raidz1, ["/dev/sdb", "/dev/sdc"], VdevRole.Log));
            await AssertRefusedAsync(rig, "a pool has at least one vdev for data",
                new VdevSpec(VdevKind.Disk, ["/dev/sda"], VdevRole.Spare));
            Outcome<CreationPlan> badName =
                await PoolDevices.CheckCreateAsync(rig.Loop, "ta nk", [VdevRig.Disk(0)], false);
            Assert.Equal("pool-name", badName.Fault!.Code);
            Assert.Equal(0, rig.ChangesAsked());
        });
    }

    [Fact]
    public void A_device_with_a_damaged_label_is_refused()
    {
        using VdevRig rig = new(8, 1);
        rig.Run(async () =>
        {
            PoolDevices old = await rig.CreateAsync(VdevRig.Disk(0));
            await old.CloseAsync();
            for (int label = 0; label < 4; label++)
            {
                long offsetBytes =
                    LabelBlock.OffsetOf(rig.DiskAt(0).SizeBytes, label) + Layout.LabelConfigOffset;
                byte[] sector = rig.DiskAt(0).Peek(offsetBytes);
                sector[100] ^= 1;
                rig.DiskAt(0).Poke(offsetBytes, sector);
            }

            await AssertRefusedAsync(
                rig, "/dev/sda: carries a cstor label that cannot be read (checksum mismatch)",
                    VdevRig.Disk(0));
        });
    }

    [Fact]
    public void A_dry_run_says_what_it_would_do_and_writes_nothing()
    {
        using VdevRig rig = new(9, 1);
        rig.Node.Disks.Add("/dev/big", 100L << 20);
        rig.Run(async () =>
        {
            PoolDevices old = await rig.CreateAsync(VdevRig.Disk(0));
            await old.CloseAsync();
            long before = rig.ChangesAsked();

            Outcome<CreationPlan> plan = await PoolDevices.CheckCreateAsync(
                rig.Loop, "new", [new VdevSpec(VdevKind.Mirror, ["/dev/sda", "/dev/big"])], force: true);

            Assert.Equal(63L << 20, plan.Value.SizeBytes);
            Assert.Equal(
                [
                    "/dev/sda: belongs to pool 'tank', last in use on host 'node1'; it is overwritten",
                    "/dev/big: 36 MiB unused beside its mirror's smallest device",
                ],
                plan.Value.Notes);
            Assert.Equal(before, rig.ChangesAsked());
            Outcome<PoolDevices> created = await rig.TryCreateAsync(true, VdevRig.Disk(0));
            Assert.True(created.IsOk);
        });
    }

    [Fact]
    public void A_device_that_cannot_be_written_fails_the_creation_by_name()
    {
        using VdevRig rig = new(10, 2);
        rig.DiskAt(1).Faults.WriteError = 1;
        rig.Run(async () =>
        {
            Outcome<PoolDevices> created = await rig.TryCreateAsync(false, VdevRig.Mirror(0, 1));
            Assert.Equal("/dev/sdb: cannot be written (DeviceError)", created.Fault!.Message);
            ImportScan scan = await rig.ScanAsync();
            Assert.Empty(scan.Pools);
        });
    }

    [Fact]
    public void A_file_system_is_named_and_overwritten_only_by_force_without_a_trace()
    {
        using VdevRig rig = new(11, 1);
        MakeExt4(rig.DiskAt(0));
        rig.Run(async () =>
        {
            await AssertRefusedAsync(rig, "/dev/sda: carries an ext4 file system", VdevRig.Disk(0));
            Outcome<PoolDevices> created = await rig.TryCreateAsync(true, VdevRig.Disk(0));
            Assert.True(created.IsOk, created.Fault?.ToString());
            await created.Value.CloseAsync();
            Assert.True(Array.TrueForAll(rig.DiskAt(0).Peek(0), b => b == 0));
        });
    }

    [Fact]
    public void What_was_made_over_an_unfinished_creation_is_still_protected()
    {
        using VdevRig rig = new(12, 1);
        rig.Run(async () =>
        {
            Outcome<PoolDevices> unfinished = await rig.TryCreateAsync(false, VdevRig.Disk(0));
            await unfinished.Value.CloseAsync();
            MakeExt4(rig.DiskAt(0));
            await AssertRefusedAsync(rig, "/dev/sda: carries an ext4 file system", VdevRig.Disk(0));
        });
    }

    // The first blocks that mke2fs leaves, as far as a glance at them goes.
    private static void MakeExt4(SimulatedDisk disk)
    {
        byte[] first = new byte[Layout.SectorBytes];
        Span<byte> superblock = first.AsSpan(1024);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock, 16384);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[4..], 16384);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[24..], 2);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[32..], 32768);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[40..], 8192);
        BinaryPrimitives.WriteUInt16LittleEndian(superblock[56..], 0xEF53);
        BinaryPrimitives.WriteUInt16LittleEndian(superblock[58..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[76..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[92..], 0x3C);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[96..], 0x2C2);
        BinaryPrimitives.WriteUInt32LittleEndian(superblock[100..], 0x46B);
        disk.Poke(0, first);
    }

    private static async ValueTask AssertRefusedAsync(VdevRig rig, string message, params VdevSpec[] specs)
    {
        long before = rig.ChangesAsked();
        Outcome<PoolDevices> refused = await rig.TryCreateAsync(false, specs);
        Assert.Equal(message, refused.Fault?.Message);
        Assert.NotEqual("", refused.Fault!.Remedy);
        Assert.Equal(before, rig.ChangesAsked());
        Assert.All(rig.Node.Disks.All, disk => Assert.Equal(0, disk.UnflushedSectors));
    }
}
