using Cstor.Engine.Space;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Space;

public sealed class SpaceAllocatorTests
{
    private const long ChildSectors = 40_000;

    [Theory]
    [InlineData(VdevKind.Raidz1, 3, 1)]
    [InlineData(VdevKind.Raidz1, 5, 32)]
    [InlineData(VdevKind.Raidz2, 6, 7)]
    [InlineData(VdevKind.Raidz3, 7, 32)]
    public void Blocks_of_one_run_follow_each_other_by_what_each_takes(VdevKind kind, int width, int physical)
    {
        using SpaceAllocator space = new();
        space.AddVdev(VdevGeometry.Create(kind, width, ChildSectors), VdevRole.Data);
        int unit = space.Vdev(0).Geometry.AllocatedSectors(physical);
        long free = space.FreeSectors;
        Assert.True(space.TryAllocateData(physical, 9, false, out BlockPlace place, out int taken));
        Assert.InRange(taken, 1, 9);
        Assert.Equal(free - (taken * unit), space.FreeSectors);
        for (int i = 0; i < taken; i++)
        {
            BlockPlace block = new(place.Vdev, place.Sector + (i * unit));
            Assert.Equal(unit, space.SectorsOf(block, physical));
            space.Release(block, unit);
        }

        Assert.Equal(free, space.FreeSectors);
    }

    [Fact]
    public void A_block_takes_what_its_own_vdev_wants_in_a_mixed_pool()
    {
        using SpaceAllocator space = Mixed();
        Dictionary<int, int> blocks = [];
        for (int i = 0; i < 400; i++)
        {
            long before = space.Vdev(0).FreeSectors;
            long beforeRaidz = space.Vdev(1).FreeSectors;
            Assert.True(space.TryAllocateData(3, 1, isReserved: false, out BlockPlace place, out int taken));
            Assert.Equal(1, taken);
            Assert.Equal(place.Vdev == 0 ? 3 : 0, before - space.Vdev(0).FreeSectors);
            Assert.Equal(place.Vdev == 1 ? 6 : 0, beforeRaidz - space.Vdev(1).FreeSectors);
            blocks[place.Vdev] = blocks.GetValueOrDefault(place.Vdev) + 1;
        }

        Assert.True(blocks[0] > 20 && blocks[1] > 20, "one vdev got nearly everything");
    }

    [Fact]
    public void Both_copies_of_metadata_are_counted_as_each_lies()
    {
        using SpaceAllocator space = Mixed();
        Assert.True(space.TryAllocateMetadata(4, out BlockPlace first, out BlockPlace second));
        Assert.NotEqual(first.Vdev, second.Vdev);
        Assert.Equal(4 + 6, space.SectorsOf(first, second, 4));
        BlockPointer pointer = Pointer(first, second, 4, 10);
        Assert.Null(space.ReasonAgainst(pointer));
        Assert.NotNull(space.ReasonAgainst(pointer with { AllocatedSectors = 8 }));
        Assert.NotNull(space.ReasonAgainst(pointer with { Place1 = new BlockPlace(2, 1) }));
        Assert.NotNull(space.ReasonAgainst(
            pointer with { Place1 = new BlockPlace(1, space.Vdev(1).SectorCount - 5) }));
        Assert.NotNull(space.ReasonAgainst(pointer with { Place1 = BlockPlace.None }));
        Assert.Null(space.ReasonAgainst(Pointer(second, BlockPlace.None, 4, second.Vdev == 1 ? 6 : 4)));
    }

    [Fact]
    public void What_the_ledger_frees_comes_back_whole_on_every_vdev()
    {
        using SimulatedMachine machine = new(1);
        SimulatedLoop loop = machine.AddNode("node").CreateLoop();
        using SpaceAllocator space = Mixed();
        SpaceLedger ledger = new(loop, space);
        long free = space.FreeSectors;
        for (int i = 0; i < 50; i++)
        {
            Assert.True(space.TryAllocateMetadata(4, out BlockPlace first, out BlockPlace second));
            BlockPointer pointer = Pointer(first, second, 4, space.SectorsOf(first, second, 4));
            ledger.Allocated(pointer);
            ledger.Freed(pointer);
        }

        Assert.Equal(free - space.FreeSectors, ledger.AwaitingSectors);
        ledger.Freeze();
        Assert.Equal(RunEnd.Completed, machine.Run(loop, () => ledger.ThawAsync()));
        Assert.Equal((free, 0L), (space.FreeSectors + ledger.HeldSectors, ledger.AwaitingSectors));
        while (ledger.ReleaseHeld())
        {
        }

        Assert.Equal((free, 0L), (space.FreeSectors, ledger.HeldSectors));
    }

    [Fact]
    public void What_is_freed_under_a_pin_is_used_again_only_after_the_last_unpin()
    {
        using SimulatedMachine machine = new(2);
        SimulatedLoop loop = machine.AddNode("node").CreateLoop();
        using SpaceAllocator space = Mixed();
        SpaceLedger ledger = new(loop, space);
        long free = space.FreeSectors;
        int released = 0;
        ledger.Released = () => released++;
        Assert.True(space.TryAllocateMetadata(4, out BlockPlace first, out BlockPlace second));
        Assert.True(space.TryAllocateSegment(out BlockPlace segment, out BlockPlace other));
        ledger.Pin();
        ledger.Pin();
        Assert.Equal(RunEnd.Completed, machine.Run(loop, async () =>
        {
            ledger.Freeze();
            ledger.FrozenFreedSegment(segment, space.SegmentSectorsOf(segment));
            ledger.FrozenFreedSegment(other, space.SegmentSectorsOf(other));
            ledger.FrozenFreed(Pointer(first, second, 4, 10));
            await ledger.ThawAsync();
            Assert.True(space.IsTaken(first) && space.IsTaken(second));
            Assert.False(space.IsTaken(segment) || space.IsTaken(other));
            Assert.Equal((10L, 10L), (ledger.AwaitingSectors, ledger.KeptSectors));
            ledger.Unpin();
            Assert.True(space.IsTaken(first));
            ledger.Unpin();
            while (ledger.IsReleasing) await loop.DelayAsync(1);
        }));
        Assert.Equal((free, 0L, 0L, 1),
            (space.FreeSectors, ledger.AwaitingSectors, ledger.KeptSectors, released));
    }

    [Fact]
    public void Log_vdevs_take_the_log_and_nothing_else()
    {
        using SpaceAllocator space = Mixed();
        long total = space.TotalSectors;
        space.AddVdev(VdevGeometry.Create(VdevKind.Disk, 1, 2000), VdevRole.Log);
        space.AddVdev(VdevGeometry.Create(VdevKind.Disk, 1, 2000), VdevRole.Log);
        Assert.Equal(total, space.TotalSectors);
        for (int i = 0; i < 7; i++)
        {
            Assert.True(space.TryAllocateSegment(out BlockPlace first, out BlockPlace second));
            Assert.Equal(5, first.Vdev + second.Vdev);
        }

        Assert.True(space.TryAllocateSegment(out BlockPlace beyond, out _));
        Assert.InRange(beyond.Vdev, 0, 1);
        while (space.TryAllocateData(1, 8, false, out BlockPlace place, out _))
            Assert.InRange(place.Vdev, 0, 1);
        Assert.True(space.TryAllocateMetadata(4, out BlockPlace node, out _));
        Assert.InRange(node.Vdev, 0, 1);
        space.IsUsable = static _ => false;
        Assert.True(space.TryAllocateSegment(out BlockPlace fallback, out _));
        Assert.InRange(fallback.Vdev, 0, 1);
    }

    [Fact]
    public void Data_leaves_the_zone_alone_before_and_after_a_vdev_grows()
    {
        using SpaceAllocator space = new();
        space.AddVdev(VdevGeometry.Create(VdevKind.Disk, 1, ChildSectors), VdevRole.Data);
        while (space.TryAllocateData(1, 64, isReserved: false, out _, out _)) { }
        long kept = space.FreeSectors;
        Assert.InRange(kept, 2048 + 1024, ChildSectors / 4);
        Assert.Equal(4, space.SpareSegments);
        space.Grow(0, 3 * ChildSectors);
        Assert.Equal(kept + (2 * ChildSectors), space.FreeSectors);
        long most = 0;
        while (space.TryAllocateData(1, 64, isReserved: false, out BlockPlace place, out int taken))
            most = Math.Max(most, place.Sector + taken);
        Assert.InRange(most, 2 * ChildSectors, (3 * ChildSectors) - 3000);
        Assert.Equal(4, space.SpareSegments);
        Assert.True(space.TryAllocateSegment(out _, out _));
    }

    private static SpaceAllocator Mixed()
    {
        SpaceAllocator space = new();
        space.AddVdev(VdevGeometry.Create(VdevKind.Disk, 1, ChildSectors), VdevRole.Data);
        space.AddVdev(VdevGeometry.Create(VdevKind.Raidz1, 3, ChildSectors), VdevRole.Data);
        return space;
    }

    private static BlockPointer Pointer(
        BlockPlace first, BlockPlace second, int physical, int sectors) => new()
    {
        Place0 = first,
        Place1 = second,
        AllocatedSectors = (ushort)sectors,
        LogicalShift = 14,
        PhysicalBytes = (uint)physical * Layout.SectorBytes,
        ChecksumKind = ChecksumKind.Xxh128,
        BirthEpoch = 1,
    };
}
