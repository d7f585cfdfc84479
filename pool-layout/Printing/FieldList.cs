using System.Globalization;
using System.Text;

namespace Cstor.PoolLayout.Printing;

/// <summary>
/// Gathers the rows of one structure, each beginning where the last one ended: what is listed covers the
/// structure without a gap, or a test says so.
/// </summary>
internal sealed class FieldList
{
    private readonly List<FieldRow> _rows = [];

    public IReadOnlyList<FieldRow> Rows => _rows;

    /// <summary>Where the next row begins.</summary>
    public int Offset { get; private set; }

    public FieldList Text(int bytes, string name, string value)
    {
        _rows.Add(new FieldRow(Offset, bytes, name, value));
        Offset += bytes;
        return this;
    }

    public FieldList Number(int bytes, string name, ulong value) =>
        Text(bytes, name, value.ToString(CultureInfo.InvariantCulture));

    public FieldList Number(int bytes, string name, long value) =>
        Text(bytes, name, value.ToString(CultureInfo.InvariantCulture));

    public FieldList Enum<T>(int bytes, string name, T value)
        where T : struct, Enum =>
        Text(bytes, name, Words.Of(value.ToString()));

    /// <summary>Eight bytes that spell a name.</summary>
    public FieldList Magic(string name, ulong value)
    {
        StringBuilder text = new("\"");
        for (int shift = 0; shift < 64; shift += 8)
        {
            char c = (char)((value >> shift) & 255);
            text.Append(c is >= ' ' and <= '~' ? c : '?');
        }

        return Text(8, name, text.Append('"').ToString());
    }

    public FieldList Guid(string name, Guid value) => Text(16, name, value.ToString());

    public FieldList Hash(string name, Hash128 value) => Text(16, name, value.ToString());

    public FieldList Place(string name, BlockPlace value) => Text(8, name, value.ToString());

    public FieldList Pointer(string name, in BlockPointer value)
    {
        string reason = value.Validate() is { } text ? $"INVALID ({text}) " : "";
        return Text(BlockPointer.Bytes, name, reason + value);
    }

    /// <summary>Nanoseconds since 1970, and the moment in UTC.</summary>
    public FieldList Time(string name, long unixNanoseconds)
    {
        DateTime moment = DateTime.UnixEpoch.AddTicks(unixNanoseconds / 100);
        return Text(8, name, $"{unixNanoseconds} ({moment:yyyy-MM-dd HH:mm:ss} UTC)");
    }

    public FieldList Reserved(int bytes, string name, bool isZero) =>
        Text(bytes, name, isZero ? "0" : "NOT ZERO");

    /// <summary>Free bytes from here to an offset.</summary>
    public FieldList ReservedTo(int offset) => Text(offset - Offset, "reserved", "0");
}
