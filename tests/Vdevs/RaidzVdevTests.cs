using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class RaidzVdevTests
{
    [Theory]
    [InlineData(VdevKind.Raidz1, 3)]
    [InlineData(VdevKind.Raidz1, 2)]
    [InlineData(VdevKind.Raidz2, 4)]
    [InlineData(VdevKind.Raidz2, 7)]
    [InlineData(VdevKind.Raidz3, 4)]
    [InlineData(VdevKind.Raidz3, 6)]
    public void Whatever_devices_parity_can_spare_are_gone_or_full_of_random_bytes_blocks_read_back(
        VdevKind kind, int width)
    {
        int parity = Cstor.Raid.VdevGeometry.ParityOf(kind);
        for (int mask = 0; mask < 1 << width; mask++)
        {
            if (System.Numerics.BitOperations.PopCount((uint)mask) > parity) continue;
            using VdevRig rig = new((ulong)mask, width);
            RaidzBlocks blocks = new(rig, mask);
            PoolDevices pool = rig.Run(async () => await rig.CreateAsync(VdevRig.Group(kind, width)));
            rig.Run(async () =>
            {
                await blocks.WriteAsync(pool);
                await blocks.ReadRunsAsync(pool);
            });
            bool[] isGone = new bool[width];
            for (int disk = 0; disk < width; disk++)
            {
                if ((mask >> disk & 1) == 0) continue;
                isGone[disk] = (mask + disk) % 2 == 0;
                if (isGone[disk]) rig.DiskAt(disk).Faults.ReadError = 1;
                else RaidzBlocks.Scramble(rig.DiskAt(disk), (ulong)(mask + disk));
            }

            rig.Run(async () => await blocks.CheckAllAsync(pool, ExamineMode.Repair));
            for (int disk = 0; disk < width; disk++) rig.DiskAt(disk).Faults.Clear();
            rig.Run(async () =>
            {
                // Everything was rewritten that could be: now nothing is wrong any more.
                foreach (Examination found in await blocks.CheckAllAsync(pool, ExamineMode.Verify))
                    Assert.True(found.IsClean, $"mask {mask}: {found}");
            });
        }
    }

    [Fact]
    public void One_failure_more_than_parity_is_an_error_and_nothing_is_written()
    {
        using VdevRig rig = new(1, 5);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Group(VdevKind.Raidz2, 5));
            RaidzBlocks blocks = new(rig, 1);
            await blocks.WriteAsync(pool);
            for (int disk = 0; disk < 3; disk++) RaidzBlocks.Scramble(rig.DiskAt(disk), (ulong)disk);
            long before = rig.ChangesAsked();
            int lost = 0;
            for (int i = 0; i < blocks.Count; i++)
            {
                Examination found = await blocks.ExamineAsync(pool, i, ExamineMode.Repair);
                if (found.Status == IoStatus.Ok) continue;
                Assert.Equal(IoStatus.ChecksumMismatch, found.Status);
                Assert.Equal(0, found.RepairedParts);
                lost++;
            }

            Assert.NotEqual(0, lost);
            Assert.True(rig.ChangesAsked() > before || lost == blocks.Count);
        });
    }

    [Fact]
    public void A_read_goes_on_without_devices_that_fail_and_without_asking_the_checksum()
    {
        using VdevRig rig = new(2, 6);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Group(VdevKind.Raidz3, 6));
            RaidzBlocks blocks = new(rig, 2);
            await blocks.WriteAsync(pool);
            rig.DiskAt(0).Faults.ReadError = rig.DiskAt(2).Faults.ReadError = 1;
            rig.DiskAt(5).Faults.ReadError = 1;
            await blocks.ReadAllAsync(pool);
            await blocks.ReadRunsAsync(pool);
            rig.DiskAt(1).Faults.ReadError = 1;
            await Assert.ThrowsAnyAsync<Exception>(async () => await blocks.ReadAllAsync(pool));
        });
    }

    [Fact]
    public void Devices_that_fail_writes_are_taken_out_until_parity_is_used_up()
    {
        using VdevRig rig = new(3, 5);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Group(VdevKind.Raidz2, 5));
            RaidzBlocks blocks = new(rig, 3);
            rig.DiskAt(1).Faults.WriteError = rig.DiskAt(4).Faults.WriteError = 1;
            await blocks.WriteAsync(pool);
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            Assert.Equal("degraded", pool.Status()[0].State);
            Assert.Equal(
                ["online", "faulted", "online", "online", "faulted"],
                pool.Status()[0].Children.Select(child => child.State));
            await blocks.ReadAllAsync(pool);
            rig.DiskAt(2).Faults.WriteError = 1;
            Assert.Equal(IoStatus.DeviceError, await rig.WriteAsync(pool, new BlockPlace(0, 30000), 1, 8));
            Assert.Equal("online", pool.Status()[0].Children[2].State);
        });
    }

    [Fact]
    public void Sectors_as_they_lie_show_a_blocks_first_data_behind_its_parity()
    {
        using VdevRig rig = new(4, 4);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Group(VdevKind.Raidz1, 4));
            await rig.WriteAsync(pool, new BlockPlace(0, 10), 0x31, 1);
            await rig.WriteAsync(pool, new BlockPlace(0, 12), 0x32, 5);
            IoBuffer raw = rig.Loop.Buffers.Rent(16 * Layout.SectorBytes);
            Assert.Equal(IoStatus.Ok, await pool.ReadRawAsync(new BlockPlace(0, 9), raw.First(16 * 4096)));
            Assert.Equal(0x31, raw.Span[2 * 4096]);
            Assert.Equal(0x32, raw.Span[4 * 4096]);
            raw.Release();
        });
    }

    [Fact]
    public void A_device_being_brought_up_to_date_gets_all_writes_and_what_is_rebuilt_but_is_not_read()
    {
        using VdevRig rig = new(5, 4);
        RaidzBlocks early = new(rig, 5);
        RaidzBlocks late = new(rig, 6, firstSector: 20000);
        PoolDevices pool = rig.Run(async () => await rig.CreateAsync(VdevRig.Group(VdevKind.Raidz1, 4)));
        rig.Run(async () =>
        {
            pool.Epoch = 4;
            rig.DiskAt(2).Faults.WriteError = 1;
            await early.WriteAsync(pool);
            rig.DiskAt(2).Faults.Clear();
            PoolDevice device = pool.Tree.Vdevs[0].Devices[2];
            device.BringBack(null);
            Assert.True(device is { IsRebuilding: true, MissingFrom: 4 });
            await late.WriteAsync(pool);
            await early.ReadAllAsync(pool);
            await early.RebuildAsync(pool);
            device.Complete();
            foreach (RaidzBlocks blocks in (RaidzBlocks[])[early, late])
                foreach (Examination found in await blocks.CheckAllAsync(pool, ExamineMode.Verify))
                    Assert.True(found.IsClean, found.ToString());
        });
    }
}
