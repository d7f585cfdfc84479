using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>A plain device: the block lies where its place says.</summary>
public sealed class DiskGeometry : VdevGeometry
{
    internal DiskGeometry(long childSectors)
        : base(1, childSectors)
    {
    }

    public override long SectorCount => ChildSectors;

    public override int Redundancy => 0;

    public override int CopyCount => 1;

    public override int MaximumColumns => 1;

    public override int AllocatedSectors(int dataSectors) => dataSectors;

    public override int PlanWrite(long sector, int dataSectors, Span<Column> columns)
    {
        CheckRange(sector, dataSectors);
        columns[0] = new Column(0, sector, dataSectors, 0, ColumnRole.Data);
        return 1;
    }

    public override int PlanRead(long sector, int dataSectors, int copy, Span<Column> columns)
    {
        Check.That(copy == 0);
        return PlanWrite(sector, dataSectors, columns);
    }
}
