using System.Buffers.Binary;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Tests.Simulation.Initiators;

/// <summary>A PDU, written from RFC 7143 §11 without the target's own code.</summary>
internal sealed class IscsiMessage
{
    public const int HeaderBytes = 48;
    public const uint NoTag = uint.MaxValue;

    public IscsiMessage(byte opcode, byte flags)
    {
        Header[0] = opcode;
        Header[1] = flags;
    }

    public IscsiMessage(ReadOnlySpan<byte> header, byte[] data)
    {
        header.CopyTo(Header);
        Data = data;
    }

    public byte[] Header { get; } = new byte[HeaderBytes];

    public byte[] Data { get; init; } = [];

    public int Opcode => Header[0] & 0x3F;

    public byte Flags => Header[1];

    public uint TaskTag
    {
        get => this[16];
        set => this[16] = value;
    }

    /// <summary>The 32-bit field at an offset of the header.</summary>
    public uint this[int offset]
    {
        get => BinaryPrimitives.ReadUInt32BigEndian(Header.AsSpan(offset));
        set => BinaryPrimitives.WriteUInt32BigEndian(Header.AsSpan(offset), value);
    }

    /// <summary>Bytes that follow a header on the wire.</summary>
    public static int TailBytes(ReadOnlySpan<byte> header, bool hasDataDigest)
    {
        int length = DataBytes(header);
        return length == 0 ? 0 : length + (-length & 3) + (hasDataDigest ? 4 : 0);
    }

    public static int DataBytes(ReadOnlySpan<byte> header) =>
        (header[5] << 16) | (header[6] << 8) | header[7];

    public static bool IsDigestRight(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> digest) =>
        Crc32C.Compute(bytes) == BinaryPrimitives.ReadUInt32LittleEndian(digest);

    /// <summary>The whole PDU as it goes on the wire.</summary>
    public byte[] ToBytes(bool hasHeaderDigest, bool hasDataDigest)
    {
        Header[5] = (byte)(Data.Length >> 16);
        Header[6] = (byte)((Data.Length >> 8) & 0xFF);
        Header[7] = (byte)(Data.Length & 0xFF);
        int headBytes = HeaderBytes + (hasHeaderDigest ? 4 : 0);
        byte[] bytes = new byte[headBytes + TailBytes(Header, hasDataDigest)];
        Header.CopyTo(bytes, 0);
        if (hasHeaderDigest)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(HeaderBytes), Crc32C.Compute(Header));
        Data.CopyTo(bytes, headBytes);
        if (hasDataDigest && Data.Length > 0)
        {
            Span<byte> padded = bytes.AsSpan(headBytes, Data.Length + (-Data.Length & 3));
            Span<byte> digest = bytes.AsSpan(headBytes + padded.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(digest, Crc32C.Compute(padded));
        }

        return bytes;
    }
}
