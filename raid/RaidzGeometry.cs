// Sector s of the vdev is sector s / width of child s % width. A block takes a run of them: read as rows of
// the width, a column is what falls on one child. The first columns are parity, so parity wanders over the
// children with the block's beginning. A block shorter than a row takes parity and its own sectors only.
//
// Runs are multiples of parity + 1 sectors: the smallest block takes that many, so every hole that a freed
// block leaves can hold a block again. What rounding adds is padding: written by nobody, read by nobody.
using Cstor.PoolLayout;

namespace Cstor.Raid;

/// <summary>Each block its own stripe, with one to three parity columns.</summary>
public sealed class RaidzGeometry : VdevGeometry
{
    internal RaidzGeometry(int width, int parity, long childSectors)
        : base(width, parity, childSectors) => Check.That(parity is >= 1 and <= 3);

    public override int AllocatedSectors(int dataSectors)
    {
        int rows = (dataSectors + Width - Parity - 1) / (Width - Parity);
        int used = dataSectors + (rows * Parity);
        return (used + Parity) / (Parity + 1) * (Parity + 1);
    }

    public override int Plan(long sector, int dataSectors, Span<Column> columns)
    {
        CheckRange(sector, dataSectors);
        int fullRows = dataSectors / (Width - Parity);
        int rest = dataSectors % (Width - Parity);
        int longColumns = rest == 0 ? 0 : rest + Parity;
        int count = fullRows == 0 ? longColumns : Width;
        int dataSector = 0;
        for (int i = 0; i < count; i++)
        {
            long first = sector + i;
            int sectors = i < longColumns ? fullRows + 1 : fullRows;
            bool isParity = i < Parity;
            columns[i] = new Column(
                (int)(first % Width),
                first / Width,
                sectors,
                isParity ? i : dataSector,
                isParity ? ColumnRole.Parity : ColumnRole.Data);
            if (!isParity) dataSector += sectors;
        }

        return count;
    }
}
