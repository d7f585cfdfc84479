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

    public byte[] Header { get; } = new byte[48];

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
        var bytes = new List<byte>(Header);
        bytes.AddRange(Ahs);
        if (headerDigest) AddDigest(bytes, 0);
        if (Data.Length == 0) return [.. bytes];
        int start = bytes.Count;
        bytes.AddRange(Data);
        bytes.AddRange(new byte[-Data.Length & 3]);
        if (dataDigest) AddDigest(bytes, start);
        return [.. bytes];
    }

    private static void AddDigest(List<byte> bytes, int start)
    {
        byte[] digest = new byte[4];
        uint value = Cstor.PoolLayout.Checksums.Crc32C.Compute(bytes.ToArray().AsSpan(start));
        BinaryPrimitives.WriteUInt32LittleEndian(digest, value);
        bytes.AddRange(digest);
    }
}
