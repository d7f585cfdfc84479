using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Xunit;

namespace Cstor.Tests.Raid;

public sealed class RaidzGeometryTests
{
    private const int MostSectors = 40;
    private const long ChildSectors = 100_000;

    public static TheoryData<int, int> Shapes()
    {
        TheoryData<int, int> shapes = [];
        for (int parity = 1; parity <= 3; parity++)
            foreach (int width in (int[])[.. Enumerable.Range(2, 12), 33, 255])
                if (width > parity) shapes.Add(width, parity);
        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_block_takes_its_data_its_parity_and_a_multiple_of_parity_plus_one(int width, int parity)
    {
        VdevGeometry geometry = Create(width, parity);
        for (int sectors = 1; sectors <= MostSectors; sectors++)
        {
            int rows = (sectors + width - parity - 1) / (width - parity);
            int used = sectors + (rows * parity);
            int allocated = geometry.AllocatedSectors(sectors);
            Assert.Equal(0, allocated % (parity + 1));
            Assert.InRange(allocated, used, used + parity);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Columns_lie_on_different_children_and_cover_the_used_sectors_once(int width, int parity)
    {
        VdevGeometry geometry = Create(width, parity);
        foreach ((long start, int sectors) in Blocks(width, parity))
        {
            Column[] columns = Plan(geometry, start, sectors);
            Assert.Equal(columns.Length, columns.Select(column => column.Child).Distinct().Count());

            int used = columns.Sum(column => column.SectorCount);
            Assert.Equal(used, sectors + columns.Where(IsParity).Sum(column => column.SectorCount));
            Assert.InRange(used, sectors + parity, geometry.AllocatedSectors(sectors));
            HashSet<long> run = [.. Enumerable.Range(0, used).Select(i => start + i)];
            Assert.True(run.SetEquals(LinearSectors(columns, width)), $"{sectors} sectors at {start}");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Parity_comes_first_and_data_follows_in_order_and_whole(int width, int parity)
    {
        VdevGeometry geometry = Create(width, parity);
        foreach ((long start, int sectors) in Blocks(width, parity))
        {
            Column[] columns = Plan(geometry, start, sectors);
            Assert.InRange(columns.Length, parity + 1, width);
            Assert.Equal(Math.Min(width, sectors + parity), columns.Length);
            int dataSector = 0;
            for (int i = 0; i < columns.Length; i++)
            {
                Column column = columns[i];
                Assert.Equal((start + i) % width, column.Child);
                Assert.Equal((start + i) / width, column.Sector);
                Assert.Equal(i < parity ? ColumnRole.Parity : ColumnRole.Data, column.Role);
                Assert.Equal(i < parity ? i : dataSector, column.Index);
                Assert.InRange(column.SectorCount, 1, i == 0 ? int.MaxValue : columns[i - 1].SectorCount);
                if (i < parity) Assert.Equal(columns[parity].SectorCount, column.SectorCount);
                else dataSector += column.SectorCount;
            }

            Assert.Equal(sectors, dataSector);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Distinct_runs_share_no_sector_of_any_child(int width, int parity)
    {
        VdevGeometry geometry = Create(width, parity);
        Random random = new((width * 4) + parity);
        HashSet<(int Child, long Sector)> taken = [];
        long start = random.Next(3 * width);
        for (int block = 0; block < 300; block++)
        {
            int sectors = random.Next(1, MostSectors + 1);
            foreach (Column column in Plan(geometry, start, sectors))
                for (int i = 0; i < column.SectorCount; i++)
                    Assert.True(taken.Add((column.Child, column.Sector + i)));
            start += geometry.AllocatedSectors(sectors);
        }
    }

    [Fact]
    public void Runs_of_plain_geometry_share_no_sector_either()
    {
        VdevGeometry plain = VdevGeometry.Create(VdevKind.Disk, 1, ChildSectors);
        long start = 1;
        for (int sectors = 1; sectors <= MostSectors; sectors++)
        {
            Column column = Assert.Single(Plan(plain, start, sectors));
            Assert.Equal(new Column(0, start, sectors, 0, ColumnRole.Data), column);
            start += plain.AllocatedSectors(sectors);
        }
    }

    [Fact]
    public void A_block_of_five_sectors_on_four_children_with_one_parity_lies_as_drawn()
    {
        // child   0    1    2    3
        // 10:               P    D0      columns begin at child 2: P has rows of both,
        // 11:     D2   D4   P    D1      data goes down each column, then to the next
        // 12:     D3
        Column[] columns = Plan(Create(4, 1), 42, 5);
        Assert.Equal(
            [
                new Column(2, 10, 2, 0, ColumnRole.Parity),
                new Column(3, 10, 2, 0, ColumnRole.Data),
                new Column(0, 11, 2, 2, ColumnRole.Data),
                new Column(1, 11, 1, 4, ColumnRole.Data),
            ],
            columns);
    }

    private static VdevGeometry Create(int width, int parity) =>
        VdevGeometry.Create((VdevKind)((int)VdevKind.Raidz1 + parity - 1), width, ChildSectors);

    private static bool IsParity(Column column) => column.Role == ColumnRole.Parity;

    private static IEnumerable<(long Start, int Sectors)> Blocks(int width, int parity)
    {
        Random random = new((width * 4) + parity);
        for (int sectors = 1; sectors <= MostSectors; sectors++)
        {
            yield return (sectors % width, sectors);
            yield return (random.NextInt64((width * ChildSectors) - 500), sectors);
            yield return (random.NextInt64((width * ChildSectors) - 500), sectors);
        }

        yield return (random.Next(1000), 4096);
    }

    // Linear sector s of a vdev is sector s / width of child s % width: the inverse of that.
    private static IEnumerable<long> LinearSectors(Column[] columns, int width) =>
        from column in columns
        from i in Enumerable.Range(0, column.SectorCount)
        select ((column.Sector + i) * width) + column.Child;

    private static Column[] Plan(VdevGeometry geometry, long sector, int dataSectors)
    {
        Column[] columns = new Column[geometry.MaximumColumns];
        return columns[..geometry.Plan(sector, dataSectors, columns)];
    }
}
