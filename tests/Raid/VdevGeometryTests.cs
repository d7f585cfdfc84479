using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Xunit;

namespace Cstor.Tests.Raid;

public sealed class VdevGeometryTests
{
    [Fact]
    public void A_disk_holds_a_block_where_its_place_says()
    {
        VdevGeometry disk = VdevGeometry.Create(VdevKind.Disk, 1, 1000);

        Assert.Equal(
            (1000L, 1, 0, 7), (disk.SectorCount, disk.CopyCount, disk.Redundancy, disk.AllocatedSectors(7)));
        Assert.Equal([new Column(0, 993, 7, 0, ColumnRole.Data)], WritePlan(disk, 993, 7));
        Assert.Equal([new Column(0, 1, 1, 0, ColumnRole.Data)], ReadPlan(disk, 1, 1, 0));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(255)]
    public void A_mirror_writes_the_whole_block_to_every_child_and_reads_it_from_one(int width)
    {
        VdevGeometry mirror = VdevGeometry.Create(VdevKind.Mirror, width, 1000);

        Assert.Equal((1000L, width, width - 1), (mirror.SectorCount, mirror.CopyCount, mirror.Redundancy));
        Assert.Equal(32, mirror.AllocatedSectors(32));
        Column[] written = WritePlan(mirror, 5, 32);
        Assert.Equal(Enumerable.Range(0, width), written.Select(column => column.Device));
        Assert.All(written, column =>
            Assert.Equal((5L, 32, 0), (column.Sector, column.SectorCount, column.DataSector)));
        Assert.Equal(ColumnRole.Data, written[0].Role);
        Assert.All(written.Skip(1), column => Assert.Equal(ColumnRole.Copy, column.Role));
        for (int copy = 0; copy < width; copy++) Assert.Equal([written[copy]], ReadPlan(mirror, 5, 32, copy));
    }

    [Theory]
    [InlineData(VdevKind.Disk)]
    [InlineData(VdevKind.Mirror)]
    public void A_plan_beyond_the_end_is_a_bug(VdevKind kind)
    {
        VdevGeometry geometry = VdevGeometry.Create(kind, kind == VdevKind.Disk ? 1 : 2, 100);

        Assert.NotEmpty(WritePlan(geometry, 99, 1));
        Assert.Throws<CheckFailedException>(() => WritePlan(geometry, 99, 2));
        Assert.Throws<CheckFailedException>(() => WritePlan(geometry, -1, 1));
        Assert.Throws<CheckFailedException>(() => WritePlan(geometry, 0, 0));
        Assert.Throws<CheckFailedException>(() => ReadPlan(geometry, 0, 1, geometry.CopyCount));
    }

    [Fact]
    public void Kinds_without_a_geometry_are_known_as_such()
    {
        Assert.Equal(
            [VdevKind.Disk, VdevKind.Mirror],
            Enum.GetValues<VdevKind>().Where(VdevGeometry.IsSupported));
    }

    private static Column[] WritePlan(VdevGeometry geometry, long sector, int dataSectors)
    {
        Column[] columns = new Column[geometry.MaximumColumns];
        return columns[..geometry.PlanWrite(sector, dataSectors, columns)];
    }

    private static Column[] ReadPlan(VdevGeometry geometry, long sector, int dataSectors, int copy)
    {
        Column[] columns = new Column[geometry.MaximumColumns];
        return columns[..geometry.PlanRead(sector, dataSectors, copy, columns)];
    }
}
