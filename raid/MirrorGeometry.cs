using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>Every child holds the whole block, all at the same sector; copy n is child n's.</summary>
public sealed class MirrorGeometry : VdevGeometry
{
    internal MirrorGeometry(int width, long childSectors)
        : base(width, childSectors)
    {
    }

    public override long SectorCount => ChildSectors;

    public override int Redundancy => Width - 1;

    public override int CopyCount => Width;

    public override int MaximumColumns => Width;

    public override int AllocatedSectors(int dataSectors) => dataSectors;

    public override int PlanWrite(long sector, int dataSectors, Span<Column> columns)
    {
        CheckRange(sector, dataSectors);
        for (int i = 0; i < Width; i++)
            columns[i] = new Column(i, sector, dataSectors, 0, i == 0 ? ColumnRole.Data : ColumnRole.Copy);
        return Width;
    }

    public override int PlanRead(long sector, int dataSectors, int copy, Span<Column> columns)
    {
        Check.That((uint)copy < (uint)Width);
        CheckRange(sector, dataSectors);
        columns[0] = new Column(copy, sector, dataSectors, 0, copy == 0 ? ColumnRole.Data : ColumnRole.Copy);
        return 1;
    }
}
