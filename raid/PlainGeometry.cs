namespace Cstor.Raid;

/// <summary>One position: the block lies there in one piece, where its place says.</summary>
public sealed class PlainGeometry : VdevGeometry
{
    internal PlainGeometry(long childSectors)
        : base(1, 0, childSectors)
    {
    }

    public override int AllocatedSectors(int dataSectors) => dataSectors;

    public override int Plan(long sector, int dataSectors, Span<Column> columns)
    {
        CheckRange(sector, dataSectors);
        columns[0] = new Column(0, sector, dataSectors, 0, ColumnRole.Data);
        return 1;
    }
}
