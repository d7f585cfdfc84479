using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// Sorts the columns of blocks that follow each other into one run of memory slices for each child. Used
/// and filled within one call: devices copy what they are given.
/// </summary>
internal sealed class RaidzLayout
{
    private readonly ILoop _loop;
    private readonly List<IoSlice>[] _slices;
    private readonly long[] _first;
    private readonly long[] _next;

    public RaidzLayout(ILoop loop, int width)
    {
        _loop = loop;
        _slices = new List<IoSlice>[width];
        for (int i = 0; i < width; i++) _slices[i] = [];
        _first = new long[width];
        _next = new long[width];
    }

    /// <summary>First sector on a child that lies at or behind a sector of the vdev.</summary>
    public static long FirstOn(int width, long sector, int child) =>
        (sector / width) + (child < sector % width ? 1 : 0);

    /// <summary>Memory of a run of the vdev's sectors as each child holds its part, in order.</summary>
    public static IoSlice[][] RunsOf(int width, long sector, IoSlice memory)
    {
        List<IoSlice>[] runs = new List<IoSlice>[width];
        for (int i = 0; i < width; i++) runs[i] = [];
        for (int at = 0; at < memory.LengthBytes; at += Layout.SectorBytes, sector++)
            runs[sector % width].Add(memory.Slice(at, Layout.SectorBytes));
        return [.. runs.Select(run => run.ToArray())];
    }

    /// <summary>Begins with nothing at a sector of the vdev.</summary>
    public void Begin(long sector)
    {
        for (int child = 0; child < _slices.Length; child++)
        {
            _slices[child].Clear();
            _first[child] = _next[child] = FirstOn(_slices.Length, sector, child);
        }
    }

    /// <summary>Adds a planned block; memory for its parity is held by the write.</summary>
    /// <returns>NoMemory if there is none.</returns>
    public IoStatus Add(RaidzStripe stripe, IoSlice block, VdevWrite write)
    {
        if (stripe.DataCount == 1)
        {
            stripe.Place(block, default);
        }
        else
        {
            IoBuffer? parity = _loop.Buffers.TryRent(stripe.ParityBytes);
            if (parity is null) return IoStatus.NoMemory;
            write.Hold(parity);
            stripe.Place(block, parity.First(stripe.ParityBytes));
            stripe.Generate();
        }

        for (int i = 0; i < stripe.Count; i++)
        {
            Column column = stripe.Column(i);
            List<IoSlice> slices = _slices[column.Child];
            if (slices.Count == 0) _first[column.Child] = _next[column.Child] = column.Sector;
            IoSlice source = stripe.SourceOf(i);
            // Padding may hold anything.
            for (; _next[column.Child] < column.Sector; _next[column.Child]++)
                slices.Add(source.Slice(0, Layout.SectorBytes));
            slices.Add(source);
            _next[column.Child] += column.SectorCount;
        }

        return IoStatus.Ok;
    }

    /// <summary>What a child is to write, in order, without gaps.</summary>
    public ReadOnlySpan<IoSlice> SlicesOf(int child) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_slices[child]);

    /// <summary>Where on the child that begins.</summary>
    public long FirstOf(int child) => _first[child];
}
