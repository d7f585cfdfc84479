using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class BranchHistoryTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 3)]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void Halves_of_a_mirror_used_apart_are_refused_whatever_labels_one_of_them_missed_before(
        int missed, int uses)
    {
        using VdevRig rig = new(7, 2);
        rig.Run(async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1))).CloseAsync());
        // As crashes would leave it, each after the first half alone had the label.
        rig.DiskAt(1).Faults.LostWrite = 1;
        Use(rig, missed);
        rig.DiskAt(1).Faults.Clear();
        DiskImage first = rig.Pull(0);
        Use(rig, uses);
        DiskImage second = rig.Pull(1);
        rig.Node.Disks.Add(first);
        Use(rig, 1);
        rig.Node.Disks.Add(second);
        rig.Run(async () => Assert.Equal("pool-diverged", (await rig.TryOpenAsync()).Fault?.Code));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_half_that_missed_labels_and_was_then_used_alone_wins_over_one_that_was_not_used(int missed)
    {
        using VdevRig rig = new(8, 2);
        rig.Run(async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1))).CloseAsync());
        rig.DiskAt(1).Faults.LostWrite = 1;
        Use(rig, missed);
        rig.DiskAt(1).Faults.Clear();
        DiskImage first = rig.Pull(0);
        Use(rig, 1);
        rig.Node.Disks.Add(first);
        rig.Run(async () =>
        {
            ulong highest = (await rig.FindAsync()).HighestGeneration;
            PoolDevices pool = await rig.OpenAsync();
            Assert.Equal([true, false], pool.Tree.Vdevs[0].Devices.Select(device => device.MissingFrom != 0));
            await pool.WriteLabelsAsync(PoolState.Active);
            Assert.True(pool.Generation > highest);
            await pool.CloseAsync();
            Assert.Single((await rig.FindAsync()).Devices.Select(device => device.Device!.Label!.Generation)
                .Distinct());
        });
    }

    [Fact]
    public void A_branch_begins_when_a_device_is_left_out_and_with_nothing_else()
    {
        using VdevRig rig = new(1, 2);
        ulong first = 0;
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            first = Assert.Single(pool.Branches);
            await pool.WriteLabelsAsync(PoolState.Exported);
            Assert.Equal([first], pool.Branches);
            await pool.CloseAsync();
            PoolDevices again = await rig.OpenAsync();
            await again.WriteLabelsAsync(PoolState.Active);
            Assert.Equal([first], again.Branches);
            again.Exclude(again.Tree.Vdevs[0].Devices[1], VdevState.Offline, "a test");
            Assert.Equal(IoStatus.Ok, await again.FlushAsync());
            Assert.Equal(2, again.Branches.Count);
            Assert.Equal(first, again.Branches[1]);
            again.Tree.Vdevs[0].Devices[1].BringBack(null);
            await again.WriteLabelsAsync(PoolState.Active);
            Assert.Equal(2, again.Branches.Count);
            await again.CloseAsync();
            Assert.Equal(again.Branches, (await rig.FindAsync()).Label.Branches);
        });
    }

    [Fact]
    public void Labels_remember_a_bounded_number_and_a_device_forgotten_is_not_joined_unasked()
    {
        using VdevRig rig = new(2, 3);
        rig.Run(async () => await (await rig.CreateAsync(VdevRig.Mirror(0, 1, 2))).CloseAsync());
        DiskImage old = rig.Pull(0);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.OpenAsync();
            PoolDevice device = pool.Tree.Vdevs[0].Devices[1];
            for (int i = 0; i < PoolLabel.MaximumBranches + 5; i++)
            {
                pool.Exclude(device, VdevState.Offline, "a test");
                await pool.WriteLabelsAsync(PoolState.Active);
                device.BringBack(null);
                await pool.WriteLabelsAsync(PoolState.Active);
            }

            Assert.Equal(PoolLabel.MaximumBranches, pool.Branches.Count);
            await pool.CloseAsync();
        });
        rig.Node.Disks.Add(old);
        rig.Run(async () =>
        {
            // It counts on those that went on, so it is just old; but what it holds is not believed.
            PoolDevices pool = await rig.OpenAsync();
            Assert.Equal(1UL, pool.Tree.Vdevs[0].Devices[0].MissingFrom);
        });
    }

    private static void Use(VdevRig rig, int times)
    {
        rig.Run(async () =>
        {
            for (int i = 0; i < times; i++)
            {
                PoolDevices pool = await rig.OpenAsync();
                pool.Epoch = 5;
                Assert.Equal(IoStatus.Ok, await pool.WriteLabelsAsync(PoolState.Active));
                await pool.CloseAsync();
            }
        });
    }
}
