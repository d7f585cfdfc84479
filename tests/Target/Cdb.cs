using System.Buffers.Binary;

namespace Cstor.Tests.Target;

/// <summary>Command descriptor blocks.</summary>
internal static class Cdb
{
    public static byte[] TestUnitReady => [0, 0, 0, 0, 0, 0];

    public static byte[] Six(byte opcode, uint lba, byte blocks) =>
        [opcode, (byte)(lba >> 16), (byte)(lba >> 8 & 255), (byte)(lba & 255), blocks, 0];

    public static byte[] Ten(byte opcode, uint lba, ushort blocks, byte flags = 0)
    {
        byte[] cdb = new byte[10];
        cdb[0] = opcode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), blocks);
        return cdb;
    }

    public static byte[] Twelve(byte opcode, uint lba, uint blocks, byte flags = 0)
    {
        byte[] cdb = new byte[12];
        cdb[0] = opcode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), blocks);
        return cdb;
    }

    public static byte[] Sixteen(byte opcode, ulong lba, uint blocks, byte flags = 0)
    {
        byte[] cdb = new byte[16];
        cdb[0] = opcode;
        cdb[1] = flags;
        BinaryPrimitives.WriteUInt64BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), blocks);
        return cdb;
    }

    public static byte[] CompareAndWrite(ulong lba, byte blocks)
    {
        byte[] cdb = Sixteen(0x89, lba, 0);
        cdb[13] = blocks;
        return cdb;
    }

    public static byte[] Inquiry(int page = -1, ushort allocation = 255) =>
        [0x12, page < 0 ? (byte)0 : (byte)1, (byte)Math.Max(page, 0), (byte)(allocation >> 8),
            (byte)(allocation & 255), 0];

    public static byte[] ModeSense6(byte page, byte allocation = 255, byte flags = 0, byte control = 0) =>
        [0x1a, flags, (byte)(control << 6 | page), 0, allocation, 0];

    /// <summary>UNMAP with its parameter list.</summary>
    public static (byte[] Cdb, byte[] Data) Unmap(params (ulong Lba, uint Blocks)[] ranges)
    {
        byte[] data = new byte[8 + 16 * ranges.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)(data.Length - 2));
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), (ushort)(data.Length - 8));
        for (int i = 0; i < ranges.Length; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(8 + 16 * i), ranges[i].Lba);
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(16 + 16 * i), ranges[i].Blocks);
        }

        return (Ten(0x42, 0, (ushort)data.Length), data);
    }
}
