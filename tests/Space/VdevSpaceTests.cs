using Cstor.Engine.Space;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Space;

public sealed class VdevSpaceTests
{
    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Random_allocations_and_releases_agree_with_a_model(ulong seed)
    {
        SimulatedRandom random = SimulatedRandom.For(seed, "space");
        long sectors = (2L * Layout.RegionSectors) + 777;
        using VdevSpace space = new(0, Plain(sectors), VdevRole.Data, ReserveZone.None);
        HashSet<long> taken = [0];
        List<(long Sector, int Count)> runs = [];
        for (int step = 0; step < 4000; step++)
        {
            if (runs.Count > 0 && random.Below(3) == 0)
            {
                int index = random.Below(runs.Count);
                (long sector, int count) = runs[index];
                runs.RemoveAt(index);
                space.Release(sector, count);
                for (int i = 0; i < count; i++) Assert.True(taken.Remove(sector + i));
                continue;
            }

            int unit = 1 + random.Below(8);
            int wanted = unit * (1 + random.Below(40));
            AllocationClass purpose = (AllocationClass)random.Below(3);
            long at = space.TryAllocate(purpose, unit, wanted, out int got);
            if (at < 0)
            {
                Assert.False(HasRun(taken, sectors, unit), $"a run of {unit} sectors was overlooked");
                continue;
            }

            Assert.True(at > 0 && got > 0 && got <= wanted && got % unit == 0);
            for (int i = 0; i < got; i++) Assert.True(taken.Add(at + i));
            runs.Add((at, got));
        }

        Assert.Equal(sectors - taken.Count, space.FreeSectors);
        foreach (long sector in taken) Assert.True(space.IsTaken(sector));
    }

    private static VdevGeometry Plain(long sectors) => VdevGeometry.Create(VdevKind.Disk, 1, sectors);

    // Runs do not cross regions.
    private static bool HasRun(HashSet<long> taken, long sectors, int length)
    {
        int run = 0;
        for (long sector = 0; sector < sectors; sector++)
        {
            if (sector % Layout.RegionSectors == 0) run = 0;
            run = taken.Contains(sector) ? 0 : run + 1;
            if (run == length) return true;
        }

        return false;
    }

    [Fact]
    public void Every_sector_but_the_first_can_be_given_out_and_then_no_more()
    {
        using VdevSpace space = new(0, Plain(Layout.RegionSectors + 100), VdevRole.Data, ReserveZone.None);
        long given = 0;
        while (space.TryAllocate(AllocationClass.Data, 1, 4096, out int taken) >= 0) given += taken;
        Assert.Equal(Layout.RegionSectors + 99, given);
        Assert.Equal(0, space.FreeSectors);
    }

    [Fact]
    public void A_unit_is_never_split_over_holes_that_are_too_small()
    {
        using VdevSpace space = new(0, Plain(1024), VdevRole.Data, ReserveZone.None);
        long first = space.TryAllocate(AllocationClass.Data, 1, 1023, out int all);
        Assert.Equal(1023, all);
        for (long sector = first; sector < first + 1020; sector += 4) space.Release(sector, 3);
        Assert.Equal(-1, space.TryAllocate(AllocationClass.Metadata, 4, 4, out _));
        Assert.True(space.TryAllocate(AllocationClass.Metadata, 3, 3, out int three) > 0);
        Assert.Equal(3, three);
    }

    [Fact]
    public void A_region_that_was_found_futile_is_tried_again_after_a_release()
    {
        using VdevSpace space = new(0, Plain(256), VdevRole.Data, ReserveZone.None);
        long first = space.TryAllocate(AllocationClass.Data, 1, 255, out _);
        Assert.Equal(-1, space.TryAllocate(AllocationClass.Data, 4, 4, out _));
        space.Release(first + 8, 4);
        Assert.Equal(first + 8, space.TryAllocate(AllocationClass.Data, 4, 4, out _));
    }

    [Fact]
    public void Assigning_twice_changes_nothing()
    {
        using VdevSpace space = new(0, Plain(4096), VdevRole.Data, ReserveZone.None);
        space.Assign(10, 5, taken: true);
        space.Assign(12, 5, taken: true);
        Assert.Equal(4095 - 7, space.FreeSectors);
        space.Assign(8, 4, taken: false);
        Assert.False(space.IsTaken(11));
        Assert.True(space.IsTaken(12));
    }
}
