using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Xunit;

namespace Cstor.Tests.Raid;

public sealed class VdevGeometryTests
{
    [Theory]
    [InlineData(VdevKind.Disk, 1)]
    [InlineData(VdevKind.Mirror, 4)]
    public void A_disk_and_a_mirror_hold_a_block_in_one_piece_where_its_place_says(VdevKind kind,
        int children)
    {
        VdevGeometry plain = VdevGeometry.Create(kind, children, 1000);

        Assert.Equal((1000L, 1, 0, 7), (plain.SectorCount, plain.Width, plain.Parity,
            plain.AllocatedSectors(7)));
        Assert.Equal([new Column(0, 993, 7, 0, ColumnRole.Data)], Plan(plain, 993, 7));
    }

    [Theory]
    [InlineData(VdevKind.Disk, 1)]
    [InlineData(VdevKind.Raidz1, 3)]
    public void A_plan_beyond_the_end_is_a_bug(VdevKind kind, int children)
    {
        VdevGeometry geometry = VdevGeometry.Create(kind, children, 100);
        int smallest = geometry.AllocatedSectors(1);

        Assert.NotEmpty(Plan(geometry, geometry.SectorCount - smallest, 1));
        Assert.Throws<CheckFailedException>(() => Plan(geometry, geometry.SectorCount - smallest + 1, 1));
        Assert.Throws<CheckFailedException>(() => Plan(geometry, -1, 1));
        Assert.Throws<CheckFailedException>(() => Plan(geometry, 0, 0));
    }

    private static Column[] Plan(VdevGeometry geometry, long sector, int dataSectors)
    {
        Column[] columns = new Column[geometry.MaximumColumns];
        return columns[..geometry.Plan(sector, dataSectors, columns)];
    }
}
