using System.Buffers.Binary;

namespace Cstor.PoolLayout.Signatures;

/// <summary>
/// The two ends of a device, addressed by device offset. What was not read matches nothing.
/// </summary>
internal readonly ref struct DeviceEnds(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long deviceBytes)
{
    private readonly ReadOnlySpan<byte> _head = head;
    private readonly ReadOnlySpan<byte> _tail = tail;

    public long DeviceBytes => deviceBytes;

    /// <summary>The bytes at an offset, or an empty span if they are not all there.</summary>
    public ReadOnlySpan<byte> At(long offset, int length)
    {
        if (offset < 0 || offset > deviceBytes - length) return [];
        if (offset <= _head.Length - length) return _head.Slice((int)offset, length);
        long inTail = offset - (deviceBytes - _tail.Length);
        return inTail >= 0 && inTail <= _tail.Length - length ? _tail.Slice((int)inTail, length) : [];
    }

    /// <summary>Whether the characters of <paramref name="magic"/>, each a byte, are at an offset.</summary>
    public bool Has(long offset, string magic)
    {
        ReadOnlySpan<byte> bytes = At(offset, magic.Length);
        if (bytes.IsEmpty) return false;
        for (int i = 0; i < magic.Length; i++)
            if (bytes[i] != magic[i]) return false;
        return true;
    }

    /// <summary>The number at an offset, 0 if it is not there.</summary>
    public ushort Little16(long offset) =>
        At(offset, 2) is { IsEmpty: false } it ? BinaryPrimitives.ReadUInt16LittleEndian(it) : (ushort)0;

    public uint Little32(long offset) =>
        At(offset, 4) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;

    public ulong Little64(long offset) =>
        At(offset, 8) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;

    public ushort Big16(long offset) => BinaryPrimitives.ReverseEndianness(Little16(offset));

    public uint Big32(long offset) => BinaryPrimitives.ReverseEndianness(Little32(offset));

    public byte Byte(long offset) => At(offset, 1) is { IsEmpty: false } bytes ? bytes[0] : (byte)0;

    /// <summary>Name of the first entry whose magic is there.</summary>
    public string? FirstOf(ReadOnlySpan<MagicBytes> table)
    {
        foreach (MagicBytes entry in table)
        {
            long offset = entry.Offset >= 0 ? entry.Offset : deviceBytes + entry.Offset;
            if (Has(offset, entry.Magic)) return entry.Name;
        }

        return null;
    }
}
