// Where a vdev has parity, a group is a stripe whose length its header tells, and the header may be what is
// lost. The header is the first data sector of the stripe, and that sector's row is all it takes to compute
// it: as many columns as the stripe has data sectors, or the whole width. So there are few cases, each one
// row of sectors: how many data columns the row has, which of them are lost besides the first, and which
// parity columns are good. Whatever comes out is believed only after the whole group verifies.
using System.Numerics;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.Raid;

namespace Cstor.Engine.Log;

/// <summary>
/// Finds a group's header in the sectors of a vdev as they lie, computing it if it is lost.
/// </summary>
internal static class HeaderSearch
{
    /// <summary>The header as it lies.</summary>
    /// <param name="image">Sectors from the group's place on.</param>
    /// <param name="parity">Parity columns of the vdev.</param>
    /// <param name="accept">Whether a header is the one that is looked for.</param>
    public static LogGroupHeader? AsItLies(
        ReadOnlySpan<byte> image, int parity, Func<LogGroupHeader, bool> accept)
    {
        int at = parity << Layout.SectorShift;
        if (at + Layout.SectorBytes > image.Length) return null;
        return LogGroupHeader.TryReadHeader(image[at..], out LogGroupHeader header) is null && accept(header)
            ? header
            : null;
    }

    /// <summary>The header computed from parity, in every way that may be.</summary>
    /// <param name="image">Sectors from the group's place on.</param>
    /// <param name="geometry">Of a vdev with parity.</param>
    /// <param name="buffers">For a row of sectors.</param>
    /// <param name="accept">Whether a header is the one that is looked for.</param>
    public static LogGroupHeader? Computed(
        ReadOnlySpan<byte> image, VdevGeometry geometry, BufferPool buffers,
        Func<LogGroupHeader, bool> accept)
    {
        IoBuffer row = buffers.Rent(geometry.Width << Layout.SectorShift);
        LogGroupHeader? found = null;
        for (int dataColumns = 1; dataColumns <= geometry.Width - geometry.Parity && found is null;
            dataColumns++)
        {
            int columns = geometry.Parity + dataColumns;
            if (columns << Layout.SectorShift > image.Length) break;
            foreach (int[] lost in Losses(dataColumns, geometry.Parity))
            {
                found = WithLost(image, geometry.Parity, row, dataColumns, lost, accept);
                int sectors = (found?.TotalBytes ?? 0) >> Layout.SectorShift;
                if (found is not null && Math.Min(sectors, geometry.Width - geometry.Parity) == dataColumns)
                    break;
                found = null;
            }
        }

        row.Release();
        return found;
    }

    // Sets of lost data columns, ascending: the first one and up to parity - 1 others.
    private static IEnumerable<int[]> Losses(int dataColumns, int parity)
    {
        yield return [0];
        for (int second = 1; second < dataColumns && parity > 1; second++)
        {
            yield return [0, second];
            for (int third = second + 1; third < dataColumns && parity > 2; third++)
                yield return [0, second, third];
        }
    }

    private static LogGroupHeader? WithLost(
        ReadOnlySpan<byte> image, int parity, IoBuffer row, int dataColumns, int[] lost,
        Func<LogGroupHeader, bool> accept)
    {
        int rowBytes = (parity + dataColumns) << Layout.SectorShift;
        ColumnBytes[] columns = new ColumnBytes[parity + dataColumns];
        for (int i = 0; i < columns.Length; i++)
            columns[i] = new ColumnBytes(
                row.Slice.Address + (i << Layout.SectorShift), Layout.SectorBytes);
        for (uint used = 1; used < 1U << parity; used++)
        {
            if (BitOperations.PopCount(used) != lost.Length) continue;
            image[..rowBytes].CopyTo(row.Span);
            RaidzParity.Reconstruct(
                columns.AsSpan(parity), columns.AsSpan(0, parity), lost, Indexes(used));
            if (AsItLies(row.Span[..rowBytes], parity, accept) is { } header) return header;
        }

        return null;
    }

    private static int[] Indexes(uint bits)
    {
        List<int> indexes = [];
        for (int i = 0; bits >> i != 0; i++)
            if ((bits >> i & 1) != 0)
                indexes.Add(i);
        return [.. indexes];
    }
}
