using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;
using Cstor.Engine.Space;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Rewind;

public sealed class PoolRewindTests
{
    [Theory]
    [InlineData(RootPart.DatasetTable)]
    [InlineData(RootPart.DatasetRecord)]
    [InlineData(RootPart.SpaceLog)]
    public void A_root_that_cannot_be_read_is_refused_with_the_way_back(RootPart part)
    {
        using RewindRig rig = new(1);
        rig.Live(6);
        rig.Fixture.Crash(CrashMode.KeepEverything);
        rig.Fixture.Run(async () =>
        {
            await rig.DamageNewestAsync(part);
            Fault fault = (await rig.TryImportAsync()).Fault!;
            Assert.Equal("root-damaged", fault.Code);
            Assert.EndsWith("cstor pool import --rewind tank", fault.Remedy, StringComparison.Ordinal);
            Assert.Equal("root-damaged", (await rig.TryImportAsync(rig.Newest)).Fault!.Code);
            Assert.Equal("root-damaged", (await rig.TryImportAsync(4711)).Fault!.Code);
        });
    }

    [Fact]
    public void The_pool_is_as_it_was_at_the_chosen_checkpoint_and_goes_on_from_there()
    {
        foreach (ulong seed in SeedRange.Of(24))
        {
            using RewindRig rig = new(seed, isMirror: seed % 2 == 0);
            rig.Live(rig.Random.Between(4, 9));
            rig.Fixture.Crash((CrashMode)rig.Random.Below(6));
            ulong newest = rig.Newest;
            int back = rig.Random.Between(1, HeldSpace.Checkpoints);
            rig.Fixture.Run(async () =>
            {
                await rig.DamageNewestAsync((RootPart)rig.Random.Below(4));
                RewindPlan plan = await rig.PlanAsync(includesData: true);
                Assert.Equal(newest, plan.Roots[0].Checkpoint);
                Assert.NotEqual("", plan.Roots[0].Damage);
                // The checkpoints of creation and import come before those that are remembered.
                int whole = Math.Min(HeldSpace.Checkpoints, rig.States.Count - 1);
                Assert.All(plan.Roots.Skip(1).Take(whole), root => Assert.Equal("", root.Damage));
                Assert.Equal((newest - 1, false), (plan.Newest, plan.IsNeedless));
                Outcome<Pool> pool = await rig.TryImportAsync(newest - (ulong)back);
                Assert.Null(pool.Fault);
                Assert.True(pool.Value.Status().Checkpoint > newest);
                await rig.AssertIsAsync(pool.Value, newest - (ulong)back);
                Volume volume = pool.Value.FindVolume("v")!;
                for (int i = 0; i < 3; i++) await rig.AdvanceAsync(pool.Value, volume, 80);
                Assert.True(rig.Newest > newest);
                await PoolFixture.AssertCleanAsync(pool.Value);
            });
            rig.Fixture.Crash((CrashMode)rig.Random.Below(6));
            rig.Fixture.Run(async () =>
            {
                Outcome<Pool> pool = await rig.TryImportAsync();
                Assert.Null(pool.Fault);
                await rig.AssertIsAsync(pool.Value, rig.Newest);
                await PoolFixture.AssertCleanAsync(pool.Value);
                await pool.Value.CloseAsync(exported: true);
            });
        }
    }

    [Fact]
    public void A_crash_while_going_back_leaves_either_the_pool_as_it_was_or_the_older_one()
    {
        bool isEarly = false;
        bool isLate = false;
        for (int boundary = 0; boundary < 40; boundary++)
        {
            using RewindRig rig = new((ulong)boundary, isMirror: boundary % 3 == 0);
            rig.Live(5);
            rig.Fixture.Crash(CrashMode.KeepEverything);
            ulong target = rig.Newest - 1;
            rig.Fixture.Run(async () => await rig.DamageNewestAsync((RootPart)rig.Random.Below(3)));
            SimulatedNode node = rig.Fixture.Node;
            node.CrashAtWrite(
                node.WriteBoundaryCount + boundary, boundary % 2 == 1, (CrashMode)(boundary % 6));
            rig.Fixture.Run(async () => await rig.TryImportAsync(target), mayCrash: true);
            node.CancelCrash();
            rig.Fixture.Crash(CrashMode.DropUnflushed);
            rig.Fixture.Run(async () =>
            {
                Outcome<Pool> pool = await rig.TryImportAsync();
                if (pool.Fault is { } fault)
                {
                    Assert.Equal("root-damaged", fault.Code);
                    isEarly = true;
                    pool = await rig.TryImportAsync(target);
                    Assert.Null(pool.Fault);
                }
                else
                {
                    isLate = true;
                }

                await rig.AssertIsAsync(pool.Value, target);
                await PoolFixture.AssertCleanAsync(pool.Value);
                await pool.Value.CloseAsync(exported: true);
            });
        }

        Assert.True(isEarly && isLate);
    }

    [Fact]
    public void A_damaged_log_is_left_out_and_the_newest_root_is_the_first_choice()
    {
        using RewindRig rig = new(3);
        rig.Live(3, behind: 40);
        rig.Fixture.Crash(CrashMode.KeepEverything);
        rig.Fixture.Run(async () =>
        {
            // A group in the middle, both copies: a later one proves that it was durable.
            Uberblock root = await rig.NewestRootAsync();
            int sector = (int)(root.LogOffsetBytes >> Layout.SectorShift) + 3;
            rig.Ruin(new BlockPlace(root.LogPlace0.Vdev, root.LogPlace0.Sector + sector), 1);
            rig.Ruin(new BlockPlace(root.LogPlace1.Vdev, root.LogPlace1.Sector + sector), 1);
            Fault fault = (await rig.TryImportAsync()).Fault!;
            Assert.Equal("log-damaged", fault.Code);
            Assert.Contains("--rewind tank", fault.Remedy, StringComparison.Ordinal);
            RewindPlan plan = await rig.PlanAsync();
            Assert.Equal((rig.Newest, false), (plan.Newest, plan.IsNeedless));
            Assert.NotEqual("", plan.LogDamage);
            Outcome<Pool> pool = await rig.TryImportAsync(rig.Newest);
            Assert.Null(pool.Fault);
            await rig.AssertIsAsync(pool.Value, rig.Newest);
            await PoolFixture.AssertCleanAsync(pool.Value);
            await pool.Value.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void A_pool_that_is_whole_needs_no_way_back_but_has_one()
    {
        using RewindRig rig = new(4);
        rig.Live(5);
        rig.Fixture.Crash(CrashMode.KeepEverything);
        rig.Fixture.Run(async () =>
        {
            RewindPlan plan = await rig.PlanAsync();
            Assert.True(plan.IsNeedless && plan.LogGroups > 0);
            Assert.Empty(plan.Roots[0].Losses);
            RewindLoss loss = Assert.Single(plan.Roots[1].Losses);
            Assert.Equal(("v", RewindLoss.Written), (loss.Volume, loss.Kind));
            int changed = rig.States[rig.Newest].Zip(rig.States[rig.Newest - 1], (a, b) => a != b)
                .Count(isChanged => isChanged);
            // A block may get the same first byte, and one is counted once however often it was written.
            Assert.InRange(loss.Blocks, changed, 60);
            Assert.Equal(loss.Blocks * PoolFixture.BlockBytes, loss.Bytes);
            Outcome<Pool> pool = await rig.TryImportAsync(rig.Newest - 2);
            Assert.Null(pool.Fault);
            await rig.AssertIsAsync(pool.Value, rig.Newest - 2);
        });
    }

    [Fact]
    public void What_came_went_and_changed_its_size_is_named()
    {
        using RewindRig rig = new(5);
        ulong target = 0;
        rig.Fixture.Run(async () =>
        {
            Pool pool = await rig.Fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 4 << 20);
            Assert.Null((await pool.CreateVolumeAsync("old", 1 << 20, 4096, [])).Fault);
            Assert.Equal(IoStatus.Ok, await rig.Fixture.WriteAsync(
                pool.FindVolume("old")!, 0, PoolFixture.Pattern(4096, 9), durable: false));
            await rig.WriteAsync(volume, 20);
            await pool.CheckpointAsync();
            target = pool.Status().Checkpoint;
            Assert.Null((await pool.CreateVolumeAsync("new", 2 << 20, 4096, [])).Fault);
            Assert.Null((await pool.ResizeVolumeAsync("v", 8 << 20)).Fault);
            Assert.Null((await pool.DestroyVolumeAsync("old")).Fault);
            await pool.CheckpointAsync();
            await pool.CloseAsync(exported: false);
        });
        rig.Fixture.Run(async () =>
        {
            RewindPlan plan = await rig.PlanAsync();
            RewindRoot root = plan.Roots.First(root => root.Checkpoint == target);
            Assert.Equal(
                [
                    new RewindLoss("new", RewindLoss.Created, 2 << 20, 0),
                    new RewindLoss("v", RewindLoss.Resized, 8 << 20, 0),
                    new RewindLoss("old", RewindLoss.Destroyed, 1 << 20, 0),
                ],
                root.Losses);
            Assert.Equal(["old", "v"], root.Volumes.Select(volume => volume.Name));
            Outcome<Pool> pool = await rig.TryImportAsync(target);
            Assert.Equal(["old", "v"], pool.Value.Volumes.Select(volume => volume.ShortName));
            Assert.Equal(PoolFixture.Pattern(4096, 9),
                await rig.Fixture.ReadAsync(pool.Value.FindVolume("old")!, 0, 4096));
            await PoolFixture.AssertCleanAsync(pool.Value);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_only_the_older_pool_is_shown_and_nothing_is_written(bool isMirror)
    {
        using RewindRig rig = new(6, isMirror);
        rig.Live(5);
        rig.Fixture.Crash(CrashMode.KeepEverything);
        rig.Fixture.Run(async () =>
        {
            await rig.DamageNewestAsync(RootPart.SpaceLog);
            long before = Changes(rig);
            Outcome<Pool> pool = await rig.TryImportAsync(rig.Newest - 1, readOnly: true);
            Assert.Null(pool.Fault);
            await rig.AssertIsAsync(pool.Value, rig.Newest - 1);
            await pool.Value.CloseAsync(exported: false);
            await rig.PlanAsync();
            Assert.Equal(before, Changes(rig));
            Assert.Equal("root-damaged", (await rig.TryImportAsync()).Fault!.Code);
        });
    }

    [Fact]
    public void Where_nothing_is_whole_that_is_said_and_nothing_changes()
    {
        using RewindRig rig = new(7);
        rig.Live(6);
        rig.Fixture.Crash(CrashMode.KeepEverything);
        rig.Fixture.Run(async () =>
        {
            for (int vdev = 0; vdev < 2; vdev++) rig.Ruin(new BlockPlace(vdev, 1), 8000);
            long before = Changes(rig);
            RewindPlan plan = await rig.PlanAsync();
            Assert.Equal(0UL, plan.Newest);
            Assert.All(plan.Roots, root => Assert.NotEqual("", root.Damage));
            foreach (RewindRoot root in plan.Roots)
                Assert.Equal("root-damaged", (await rig.TryImportAsync(root.Checkpoint)).Fault!.Code);
            Assert.Equal(before, Changes(rig));
        });
    }

    private static long Changes(RewindRig rig) => rig.Fixture.Node.Disks.All.Sum(disk =>
        disk.Requests(DiskRequestKind.Write) + disk.Requests(DiskRequestKind.Discard));
}
