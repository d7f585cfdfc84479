using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Trees;

public sealed class PendingMapTests
{
    private const ulong Blocks = 5000;

    [Theory]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Writes_and_unmaps_agree_with_a_model(ulong seed)
    {
        SimulatedRandom random = SimulatedRandom.For(seed, "pending");
        using PendingMap map = new();
        Dictionary<ulong, BlockPointer> model = [];
        for (int step = 1; step < 3000; step++)
        {
            ulong first = (ulong)random.Below((long)Blocks);
            if (random.Below(10) > 0)
            {
                BlockPointer pointer = Pointer(step);
                BlockPointer old = map.Set(first, pointer);
                Assert.Equal(model.GetValueOrDefault(first), old);
                model[first] = pointer;
                continue;
            }

            ulong count = 1 + (ulong)random.Below((long)Math.Min(Blocks - first, 300));
            List<BlockPointer> replaced = [];
            map.Unmap(new BlockRange(first, count), replaced.Add);
            List<BlockPointer> expected = [];
            for (ulong block = first; block < first + count; block++)
            {
                if (model.TryGetValue(block, out BlockPointer known) && !known.IsHole) expected.Add(known);
                model[block] = BlockPointer.Hole;
            }

            Assert.Equal(expected.Count, replaced.Count);
            Assert.Equal(expected.Select(Place).Order(), replaced.Select(Place).Order());
        }

        for (ulong block = 0; block < Blocks; block++)
        {
            bool known = map.TryGet(block, out BlockPointer pointer);
            Assert.Equal(model.ContainsKey(block), known);
            Assert.Equal(model.GetValueOrDefault(block), pointer);
        }
    }

    [Fact]
    public void Long_ranges_that_touch_become_one()
    {
        using PendingMap map = new();
        map.Unmap(new BlockRange(1000, 200), static _ => { });
        map.Unmap(new BlockRange(1400, 200), static _ => { });
        map.Unmap(new BlockRange(1150, 250), static _ => { });
        Assert.Equal([new BlockRange(1000, 600)], map.Unmapped);
        Assert.False(map.TryGet(999, out _));
        Assert.True(map.TryGet(1599, out BlockPointer pointer) && pointer.IsHole);
        Assert.False(map.TryGet(1600, out _));
    }

    [Fact]
    public void A_block_written_after_a_long_unmap_is_what_was_written()
    {
        using PendingMap map = new();
        map.Unmap(new BlockRange(0, 1000), static _ => { });
        BlockPointer pointer = Pointer(7);
        Assert.True(map.Set(500, pointer).IsHole);
        Assert.True(map.TryGet(500, out BlockPointer found));
        Assert.Equal(pointer, found);
    }

    private static ulong Place(BlockPointer pointer) => pointer.Place0.Packed;

    private static BlockPointer Pointer(int number) => new()
    {
        Place0 = new BlockPlace(0, number),
        AllocatedSectors = 1,
        LogicalShift = 12,
        PhysicalBytes = 4096,
        ChecksumKind = ChecksumKind.Xxh128,
        BirthEpoch = 1,
    };
}
