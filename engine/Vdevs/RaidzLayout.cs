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
    /// <summary>Room for the longest column of a block.</summary>
    public const int WasteBytes = Layout.MaximumBlockBytes;

    private readonly ILoop _loop;
    private readonly List<IoSlice>[] _slices;
    private readonly long[] _first;
    private readonly long[] _next;
    private readonly int[] _dataEnd;

    public RaidzLayout(ILoop loop, int width)
    {
        _loop = loop;
        _slices = new List<IoSlice>[width];
        for (int i = 0; i < width; i++) _slices[i] = [];
        _first = new long[width];
        _next = new long[width];
        _dataEnd = new int[width];
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
            _dataEnd[child] = 0;
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

    /// <summary>Adds a planned block to be read; what is not data goes to waste.</summary>
    public void AddRead(RaidzStripe stripe, IoSlice block, IoSlice waste)
    {
        stripe.Place(block, default);
        for (int i = 0; i < stripe.Count; i++)
        {
            Column column = stripe.Column(i);
            bool isParity = i < stripe.ParityCount;
            List<IoSlice> slices = _slices[column.Child];
            // A child's part begins and ends with data.
            if (slices.Count == 0 && isParity) continue;
            if (slices.Count == 0) _first[column.Child] = _next[column.Child] = column.Sector;
            for (; _next[column.Child] < column.Sector; _next[column.Child]++)
                slices.Add(waste.Slice(0, Layout.SectorBytes));
            slices.Add(isParity ? waste.Slice(0, stripe.LengthOf(i)) : stripe.BytesOf(i));
            _next[column.Child] += column.SectorCount;
            if (!isParity) _dataEnd[column.Child] = slices.Count;
        }
    }

    /// <summary>What a child is to read, up to its last data.</summary>
    public ReadOnlySpan<IoSlice> DataSlicesOf(int child) => SlicesOf(child)[.._dataEnd[child]];

    /// <summary>What a child is to write, in order, without gaps.</summary>
    public ReadOnlySpan<IoSlice> SlicesOf(int child) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_slices[child]);

    /// <summary>Where on the child that begins.</summary>
    public long FirstOf(int child) => _first[child];
}
