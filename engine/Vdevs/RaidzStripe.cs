using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A raidz block in memory: its columns, the data where the caller has it, the parity behind each other in
/// memory of its own. Reusable.
/// </summary>
internal sealed class RaidzStripe
{
    /// <summary>Most columns: one for each child that a label can name.</summary>
    private const int MaximumColumns = 255;

    private readonly Column[] _columns = new Column[MaximumColumns];
    private IoSlice _data;
    private IoSlice _parity;

    public int Count { get; private set; }

    public int ParityCount { get; private set; }

    public int DataCount => Count - ParityCount;

    /// <summary>Bytes of all parity columns.</summary>
    public int ParityBytes { get; private set; }

    /// <summary>Computes the columns; parity comes first.</summary>
    public void Plan(VdevGeometry geometry, long sector, int dataBytes)
    {
        Count = geometry.Plan(sector, dataBytes >> Layout.SectorShift, _columns);
        ParityCount = geometry.Parity;
        ParityBytes = 0;
        for (int i = 0; i < ParityCount; i++) ParityBytes += LengthOf(i);
    }

    /// <summary>Where the contents are.</summary>
    /// <param name="data">The whole block.</param>
    /// <param name="parity">At least <see cref="ParityBytes"/>, or empty if parity is not touched.</param>
    public void Place(IoSlice data, IoSlice parity)
    {
        _data = data;
        _parity = parity;
    }

    public Column Column(int index) => _columns[index];

    public int LengthOf(int index) => _columns[index].SectorCount << Layout.SectorShift;

    /// <summary>The memory of a column.</summary>
    public IoSlice BytesOf(int index) => index < ParityCount
        ? _parity.Slice(index * LengthOf(0), LengthOf(index))
        : _data.Slice(_columns[index].Index << Layout.SectorShift, LengthOf(index));

    /// <summary>The memory to write a column from: of a single data column, parity is a copy.</summary>
    public IoSlice SourceOf(int index) =>
        index < ParityCount && DataCount == 1 ? BytesOf(ParityCount) : BytesOf(index);

    /// <summary>Computes all parity columns from the data.</summary>
    public void Generate()
    {
        Span<ColumnBytes> columns = stackalloc ColumnBytes[Count];
        Fill(columns);
        RaidzParity.Generate(columns[ParityCount..], columns[..ParityCount]);
    }

    /// <summary>Computes data columns that were lost.</summary>
    /// <param name="lost">Their indexes among all columns, ascending.</param>
    /// <param name="used">As many indexes of good parity columns.</param>
    public void Reconstruct(ReadOnlySpan<int> lost, ReadOnlySpan<int> used)
    {
        Span<ColumnBytes> columns = stackalloc ColumnBytes[Count];
        Fill(columns);
        Span<int> lostData = stackalloc int[lost.Length];
        for (int i = 0; i < lost.Length; i++) lostData[i] = lost[i] - ParityCount;
        RaidzParity.Reconstruct(columns[ParityCount..], columns[..ParityCount], lostData, used);
    }

    private void Fill(Span<ColumnBytes> columns)
    {
        for (int i = 0; i < Count; i++)
        {
            IoSlice bytes = BytesOf(i);
            columns[i] = new ColumnBytes(bytes.Address, bytes.LengthBytes);
        }
    }
}
