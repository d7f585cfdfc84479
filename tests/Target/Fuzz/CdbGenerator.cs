using System.Buffers.Binary;
using Cstor.Target.Scsi;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>Commands that mostly get past the first check, and data that mostly fits them.</summary>
internal static class CdbGenerator
{
    private static readonly byte[] ModePages = [0x3f, 0x08, 0x0a, 0x48];

    public static byte[] Next(Random random)
    {
        byte[] cdb = new byte[16];
        random.NextBytes(cdb);
        if (random.Next(24) == 0) return cdb;
        CommandDescriptor row = CommandTable.All[random.Next(CommandTable.All.Length)];
        bool plain = random.Next(3) > 0;
        for (int i = 0; i < 16; i++)
        {
            byte mask = i < row.Usage.Length ? row.Usage[i] : (byte)0;
            bool isHigh = i > 1 && i < row.Usage.Length - 3;
            bool isZero = (isHigh && random.Next(8) > 0) || (plain && i == 1) || i == row.Usage.Length - 1;
            cdb[i] = isZero ? (byte)0 : (byte)(cdb[i] & mask);
        }

        cdb[0] = row.Opcode;
        if (row.ServiceAction >= 0) cdb[1] = (byte)(cdb[1] & 0xe0 | row.ServiceAction);
        if (random.Next(4) > 0) Settle(random, cdb, row);
        if (row.Opcode is 0x1a or 0x5a && random.Next(2) == 0)
        {
            cdb[2] = ModePages[random.Next(ModePages.Length)];
            cdb[3] = 0;
        }

        return cdb;
    }

    /// <summary>Addresses within the volume, short counts, room for the answer.</summary>
    private static void Settle(Random random, byte[] cdb, CommandDescriptor row)
    {
        ushort room = (ushort)random.Next(24, 512);
        switch (row.CdbBytes)
        {
            case 6:
                cdb[4] = (byte)random.Next(1, row.Layout == CdbLayout.None ? 255 : 8);
                break;
            case 10 when row.Layout == CdbLayout.None:
                BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), room);
                break;
            case 10:
                BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), (ushort)random.Next(8));
                BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(4), (ushort)random.Next(2000));
                break;
            case 12:
                BinaryPrimitives.WriteUInt32BigEndian(
                    cdb.AsSpan(6), row.Layout == CdbLayout.None ? room : (uint)random.Next(8));
                break;
            case 16 when row.Layout == CdbLayout.CompareAndWrite:
                cdb[13] = (byte)random.Next(3);
                break;
            case 16 when row.Layout == CdbLayout.Atomic:
                BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(8), (uint)random.Next(256) * 8 << 16);
                BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(12), (ushort)(random.Next(3) * 8));
                break;
            default:
                BinaryPrimitives.WriteUInt32BigEndian(
                    cdb.AsSpan(10), row.Layout == CdbLayout.None ? room : (uint)random.Next(8));
                break;
        }
    }

    /// <summary>Bytes that the command takes from the initiator, as it reads its CDB; 0 for none.</summary>
    public static int DataOutBytes(byte[] cdb)
    {
        if (CommandTable.Find(cdb) is not { DataOutBytes: not null } row) return 0;
        CdbLayouts.Decode(row.Layout, cdb, out _, out uint blocks);
        return row.Opcode switch
        {
            0x42 or 0x55 => BinaryPrimitives.ReadUInt16BigEndian(cdb.AsSpan(7)),
            0x15 => cdb[4],
            0x5f => (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(cdb.AsSpan(5)), 4096u),
            0x41 or 0x93 => 512,
            0x89 => (int)Math.Min(blocks, 16) * 1024,
            _ when row.Layout == CdbLayout.None => (int)Math.Min(ListLength(cdb), 4096),
            _ => (int)Math.Min(blocks, 64) * 512,
        };
    }

    /// <summary>Parameter lists that hold together, where one is taken; else zeroes or noise.</summary>
    public static byte[] Data(Random random, byte[] cdb, int length)
    {
        byte[] data = new byte[length];
        if (random.Next(3) == 0) FuzzNoise.Fill(random, data);
        if (random.Next(6) == 0) return data;
        if (cdb[0] == 0x42 && length >= 24) FillUnmap(random, data);
        if (cdb[0] == 0x5f && length >= 24)
        {
            data.AsSpan().Clear();
            data[7] = (byte)random.Next(3);
            data[15] = (byte)random.Next(3);
        }

        if (cdb[0] is 0x15 or 0x55) FillModes(random, cdb, data);
        return data;
    }

    private static uint ListLength(byte[] cdb) => cdb[0] >= 0x80
        ? BinaryPrimitives.ReadUInt32BigEndian(cdb.AsSpan(10))
        : BinaryPrimitives.ReadUInt16BigEndian(cdb.AsSpan(7));

    private static void FillUnmap(Random random, byte[] data)
    {
        data.AsSpan().Clear();
        int descriptors = (data.Length - 8) / 16;
        BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)(data.Length - 2));
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), (ushort)(descriptors * 16));
        for (int i = 0; i < descriptors; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(8 + i * 16), (ulong)random.Next(2000));
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(16 + i * 16), (uint)random.Next(20));
        }
    }

    /// <summary>The caching page with or without its write cache.</summary>
    private static void FillModes(Random random, byte[] cdb, byte[] data)
    {
        int head = cdb[0] == 0x15 ? 4 : 8;
        if (data.Length < head + 20) return;
        data.AsSpan().Clear();
        if (random.Next(2) == 0) cdb[1] = 0x10;
        data[head] = 0x08;
        data[head + 1] = 0x12;
        data[head + 2] = (byte)(random.Next(2) * 4);
    }
}
