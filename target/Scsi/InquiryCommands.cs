using System.Buffers.Binary;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// INQUIRY, SPC-4 §6.6 and §7.8, SBC-3 §6.6: standard data and the vital product data pages.
/// </summary>
internal static class InquiryCommands
{
    private const int CapacityBytes = 1024;

    private static readonly byte[] Pages = [0x00, 0x80, 0x83, 0x86, 0xb0, 0xb1, 0xb2];

    /// <summary>SAM-5, iSCSI, SPC-4, SBC-3: version descriptors of SPC-4 §6.6.2.</summary>
    private static readonly ushort[] Versions = [0x00a0, 0x0960, 0x0460, 0x04c0];

    public static ValueTask Inquiry(ScsiTask task)
    {
        bool vital = (task.Cdb[1] & 1) != 0;
        byte page = task.Cdb[2];
        int allocation = BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(3));
        if (!vital && page != 0)
        {
            task.FailCdb(2);
            return default;
        }

        if (vital && (task.Unit is null || Array.IndexOf(Pages, page) < 0))
        {
            task.FailCdb(2);
            return default;
        }

        if (!task.TryAnswer(CapacityBytes, out Span<byte> data)) return default;
        int actual = vital ? WritePage(task.Unit!, page, data) : WriteStandard(task.Unit, data);
        task.EndAnswer(actual, allocation);
        return default;
    }

    private static int WriteStandard(LogicalUnit? unit, Span<byte> data)
    {
        const int length = 96;
        data[0] = unit is null ? (byte)0x7f : (byte)0x00;
        data[2] = 0x06;
        data[3] = 0x12;
        data[4] = length - 5;
        data[7] = 0x02;
        Ascii(data.Slice(8, 8), "CSTOR");
        Ascii(data.Slice(16, 16), "VOLUME");
        Ascii(data.Slice(32, 4), "0.1");
        for (int i = 0; i < Versions.Length; i++)
            BinaryPrimitives.WriteUInt16BigEndian(data[(58 + 2 * i)..], Versions[i]);
        return length;
    }

    private static int WritePage(LogicalUnit unit, byte page, Span<byte> data)
    {
        data[1] = page;
        int payload = page switch
        {
            0x00 => WriteSupported(data[4..]),
            0x80 => Ascii(data[4..], unit.Volume.Id.ToString("N"), 32),
            0x83 => WriteDesignators(unit, data[4..]),
            0x86 => WriteExtended(data[4..]),
            0xb0 => WriteBlockLimits(unit, data[4..]),
            0xb1 => WriteCharacteristics(data[4..]),
            _ => WriteProvisioning(data[4..]),
        };
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)payload);
        return payload + 4;
    }

    private static int WriteSupported(Span<byte> data)
    {
        Pages.CopyTo(data);
        return Pages.Length;
    }

    /// <summary>
    /// Identity of the unit: a locally assigned NAA, a T10 vendor identifier and the volume's UUID; of the
    /// port: relative port and port group 1 and its name; of the device: its name.
    /// </summary>
    private static int WriteDesignators(LogicalUnit unit, Span<byte> data)
    {
        Span<byte> id = stackalloc byte[16];
        unit.Volume.Id.TryWriteBytes(id, bigEndian: true, out _);
        int end = 0;

        Span<byte> naa = Designator(data, ref end, 0x01, 0x03, 8);
        ulong folded = BinaryPrimitives.ReadUInt64BigEndian(id);
        folded ^= BinaryPrimitives.ReadUInt64BigEndian(id[8..]);
        BinaryPrimitives.WriteUInt64BigEndian(naa, (folded & 0x0fff_ffff_ffff_ffff) | 0x3000_0000_0000_0000);

        Span<byte> t10 = Designator(data, ref end, 0x02, 0x01, 40);
        Ascii(t10[..8], "CSTOR");
        Ascii(t10[8..], unit.Volume.Id.ToString("N"));

        Span<byte> uuid = Designator(data, ref end, 0x01, 0x0a, 18);
        uuid[0] = 0x10;
        id.CopyTo(uuid[2..]);

        Designator(data, ref end, 0x51, 0x94, 4)[3] = 1;
        Designator(data, ref end, 0x51, 0x95, 4)[3] = 1;
        Name(data, ref end, 0x98, unit.TargetName + ",t,0x0001");
        Name(data, ref end, 0xa8, unit.TargetName);
        return end;
    }

    private static Span<byte> Designator(Span<byte> data, ref int end, byte codeSet, byte type,
        int lengthBytes)
    {
        data[end] = codeSet;
        data[end + 1] = type;
        data[end + 3] = (byte)lengthBytes;
        Span<byte> value = data.Slice(end + 4, lengthBytes);
        end += 4 + lengthBytes;
        return value;
    }

    /// <summary>SCSI name string: UTF-8, ended by a zero and padded to four bytes.</summary>
    private static void Name(Span<byte> data, ref int end, byte type, string name)
    {
        byte[] text = Encoding.UTF8.GetBytes(name);
        int lengthBytes = (text.Length + 4) / 4 * 4;
        if (lengthBytes > 252) return;
        Span<byte> value = Designator(data, ref end, 0x53, type, lengthBytes);
        text.CopyTo(value);
    }

    /// <summary>
    /// Extended INQUIRY data, SPC-4 §7.8.7: head-of-queue, ordered and simple tasks; a volatile cache; no
    /// tags.
    /// </summary>
    private static int WriteExtended(Span<byte> data)
    {
        data[1] = 0x07;
        data[2] = 0x01;
        return 60;
    }

    private static int WriteBlockLimits(LogicalUnit unit, Span<byte> data)
    {
        int block = unit.BlockBytes;
        data[1] = Limits.MaximumCompareAndWriteBlocks;
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)Math.Min(unit.BlocksPerVolumeBlock, 65535));
        BinaryPrimitives.WriteUInt32BigEndian(data[4..], unit.MaximumTransferBlocks);
        BinaryPrimitives.WriteUInt32BigEndian(data[8..], (uint)(Limits.OptimalTransferBytes / block));
        BinaryPrimitives.WriteUInt32BigEndian(data[16..], Limits.MaximumUnmapBlocks);
        BinaryPrimitives.WriteUInt32BigEndian(data[20..], Limits.MaximumUnmapDescriptors);
        BinaryPrimitives.WriteUInt32BigEndian(data[24..], (uint)unit.BlocksPerVolumeBlock);
        BinaryPrimitives.WriteUInt32BigEndian(data[28..], 0x8000_0000);
        BinaryPrimitives.WriteUInt64BigEndian(data[32..], Limits.MaximumWriteSameBlocks);
        return 60;
    }

    /// <summary>
    /// Block device characteristics, SBC-3 §6.6.2: does not rotate; FUAB as SBC-3 means it.
    /// </summary>
    private static int WriteCharacteristics(Span<byte> data)
    {
        data[1] = 0x01;
        data[4] = 0x02;
        return 60;
    }

    /// <summary>
    /// SBC-3 §6.6.4: UNMAP and both WRITE SAME free blocks, freed blocks read as zeroes, thin.
    /// </summary>
    private static int WriteProvisioning(Span<byte> data)
    {
        data[1] = 0xe4;
        data[2] = 0x02;
        return 4;
    }

    private static int Ascii(Span<byte> to, string text, int lengthBytes = 0)
    {
        if (lengthBytes > 0) to = to[..lengthBytes];
        to.Fill((byte)' ');
        Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, to.Length)), to);
        return to.Length;
    }
}
