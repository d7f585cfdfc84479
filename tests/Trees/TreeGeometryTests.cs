using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Xunit;

namespace Cstor.Tests.Trees;

public sealed class TreeGeometryTests
{
    [Theory]
    [InlineData(0ul)]
    [InlineData(int.MaxValue + 1ul)]
    [InlineData(uint.MaxValue + 1ul)]
    [InlineData((1ul << 38) - 1)]
    public void The_way_to_a_block_leads_to_it_however_large_the_volume(ulong block)
    {
        int height = TreeGeometry.HeightFor(block + 1);
        ulong found = 0;
        for (int level = height; level > 0; level--)
        {
            int index = TreeGeometry.ChildIndex(level, block);
            Assert.InRange(index, 0, Layout.NodeFanout - 1);
            found += (ulong)index * TreeGeometry.ChildSpan(level);
        }

        Assert.Equal(block, found);
    }
}
