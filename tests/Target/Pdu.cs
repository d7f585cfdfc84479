using System.Buffers.Binary;

namespace Cstor.Tests.Target;

/// <summary>A PDU as the test initiator sends or received it.</summary>
internal sealed class Pdu
{
    public Pdu(byte opcode, byte flags = 0x80)
    {
        Header[0] = opcode;
        Header[1] = flags;
    }

    public Pdu(byte[] header, byte[] data)
    {
        header.CopyTo(Header, 0);
        Data = data;
    }

    public const int HeaderBytes = 48;

    public byte[] Header { get; } = new byte[HeaderBytes];

    public byte[] Data { get; set; } = [];

    public byte[] Ahs { get; set; } = [];

    public int Opcode => Header[0] & 0x3f;

    public byte Flags => Header[1];

    public uint this[int offset]
    {
        get => BinaryPrimitives.ReadUInt32BigEndian(Header.AsSpan(offset));
        set => BinaryPrimitives.WriteUInt32BigEndian(Header.AsSpan(offset), value);
    }

    public uint TaskTag
    {
        get => this[16];
        set => this[16] = value;
    }

    /// <summary>Bytes on the wire without digests, unless they are asked for.</summary>
    public byte[] ToBytes(bool headerDigest = false, bool dataDigest = false)
    {
        Header[4] = (byte)(Ahs.Length / 4);
        Header[5] = (byte)(Data.Length >> 16);
        Header[6] = (byte)(Data.Length >> 8 & 0xff);
        Header[7] = (byte)(Data.Length & 0xff);
        int headBytes = Header.Length + Ahs.Length;
        int bodyBytes = Data.Length + (-Data.Length & 3);
        int headDigestBytes = headerDigest ? 4 : 0;
        int bodyDigestBytes = dataDigest && Data.Length > 0 ? 4 : 0;
        byte[] bytes = new byte[headBytes + headDigestBytes + bodyBytes + bodyDigestBytes];
        Header.CopyTo(bytes, 0);
        Ahs.CopyTo(bytes, Header.Length);
        if (headerDigest) AddDigest(bytes, 0, headBytes);
        Data.CopyTo(bytes, headBytes + headDigestBytes);
        if (bodyDigestBytes > 0) AddDigest(bytes, headBytes + headDigestBytes, bodyBytes);
        return bytes;
    }

    /// <summary>The CRC32C of a run, behind it.</summary>
    private static void AddDigest(byte[] bytes, int start, int lengthBytes) =>
        BinaryPrimitives.WriteUInt32LittleEndian(
            bytes.AsSpan(start + lengthBytes),
            Cstor.PoolLayout.Checksums.Crc32C.Compute(bytes.AsSpan(start, lengthBytes)));
}
