using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// Vital product data, SPC-4 §7.8 and SBC-3 §6.6: identity, ports, extended data, mode page policy, limits,
/// characteristics, provisioning. Third-party copy is in <see cref="CopyPage"/>.
/// </summary>
internal static class VitalPages
{
    private static readonly byte[] Pages =
        [0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0x8f, 0xb0, 0xb1, 0xb2];

    public static bool IsKnown(byte page) => Array.IndexOf(Pages, page) >= 0;

    /// <summary>Writes a page into cleared memory.</summary>
    /// <returns>Its length.</returns>
    public static int Write(LogicalUnit unit, byte page, Span<byte> data)
    {
        data[1] = page;
        int payload = page switch
        {
            0x00 => WriteSupported(data[4..]),
            0x80 => Ascii(data[4..], unit.Volume.Id.ToString("N"), 32),
            0x83 => WriteDesignators(unit, data[4..]),
            0x86 => WriteExtended(data[4..]),
            0x87 => WritePolicy(data[4..]),
            0x88 => WritePorts(unit, data[4..]),
            0x8f => CopyPage.Write(data[4..]),
            0xb0 => WriteBlockLimits(unit, data[4..]),
            0xb1 => WriteCharacteristics(data[4..]),
            _ => WriteProvisioning(unit, data[4..]),
        };
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)payload);
        return payload + 4;
    }

    /// <summary>Text in ASCII, filled up with blanks.</summary>
    public static int Ascii(Span<byte> to, string text, int lengthBytes = 0)
    {
        if (lengthBytes > 0) to = to[..lengthBytes];
        to.Fill((byte)' ');
        Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, to.Length)), to);
        return to.Length;
    }

    private static int WriteSupported(Span<byte> data)
    {
        Pages.CopyTo(data);
        return Pages.Length;
    }

    /// <summary>
    /// Identity of the unit: a locally assigned NAA, a T10 vendor identifier and the volume's UUID; of the
    /// port: relative port, port group and its name; of the device: its name.
    /// </summary>
    private static int WriteDesignators(LogicalUnit unit, Span<byte> data)
    {
        Guid id = unit.Volume.Id;
        int end = 0;
        Span<byte> naa = Designator(data, ref end, 0x01, UnitDesignator.Naa, UnitDesignator.NaaBytes);
        BinaryPrimitives.WriteUInt64BigEndian(naa, UnitDesignator.NaaOf(id).High);

        Span<byte> t10 = Designator(data, ref end, 0x02, 0x01, 40);
        Ascii(t10[..8], "CSTOR");
        Ascii(t10[8..], id.ToString("N"));

        Span<byte> uuid = Designator(data, ref end, 0x01, UnitDesignator.Uuid, UnitDesignator.UuidBytes);
        uuid[0] = 0x10;
        id.TryWriteBytes(uuid[2..], bigEndian: true, out _);

        Span<byte> port = Designator(data, ref end, 0x51, 0x94, 4);
        BinaryPrimitives.WriteUInt16BigEndian(port[2..], unit.Ports.Id);
        Span<byte> group = Designator(data, ref end, 0x51, 0x95, 4);
        BinaryPrimitives.WriteUInt16BigEndian(group[2..], unit.Ports.Id);
        Name(data, ref end, 0x98, PortNameOf(unit));
        Name(data, ref end, 0xa8, unit.TargetName);
        return end;
    }

    private static string PortNameOf(LogicalUnit unit) => string.Create(
        CultureInfo.InvariantCulture, $"{unit.TargetName},t,0x{unit.Ports.Id:x4}");

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

    /// <summary>Mode page policy, SPC-4 §7.8.9: all pages are shared by all initiators.</summary>
    private static int WritePolicy(Span<byte> data)
    {
        data[0] = 0x3f;
        data[1] = 0xff;
        return 4;
    }

    /// <summary>SCSI ports, SPC-4 §7.8.14: the one, by its name.</summary>
    private static int WritePorts(LogicalUnit unit, Span<byte> data)
    {
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], unit.Ports.Id);
        int end = 0;
        Name(data[12..], ref end, 0x98, PortNameOf(unit));
        BinaryPrimitives.WriteUInt16BigEndian(data[10..], (ushort)end);
        return 12 + end;
    }

    private static int WriteBlockLimits(LogicalUnit unit, Span<byte> data)
    {
        int block = unit.BlockBytes;
        data[1] = (byte)unit.MaximumCompareAndWriteBlocks;
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)Math.Min(unit.BlocksPerVolumeBlock, 65535));
        BinaryPrimitives.WriteUInt32BigEndian(data[4..], unit.MaximumTransferBlocks);
        BinaryPrimitives.WriteUInt32BigEndian(data[8..], (uint)(Limits.OptimalTransferBytes / block));
        BinaryPrimitives.WriteUInt32BigEndian(data[16..], Limits.MaximumUnmapBlocks);
        BinaryPrimitives.WriteUInt32BigEndian(data[20..], Limits.MaximumUnmapDescriptors);
        BinaryPrimitives.WriteUInt32BigEndian(data[24..], (uint)unit.BlocksPerVolumeBlock);
        BinaryPrimitives.WriteUInt32BigEndian(data[28..], 0x8000_0000);
        BinaryPrimitives.WriteUInt64BigEndian(data[32..], Limits.MaximumWriteSameBlocks);
        if (unit.Volume.AtomicBytes == 0) return 60;
        BinaryPrimitives.WriteUInt32BigEndian(data[40..], (uint)(unit.Volume.AtomicBytes / block));
        BinaryPrimitives.WriteUInt32BigEndian(data[44..], (uint)unit.BlocksPerVolumeBlock);
        BinaryPrimitives.WriteUInt32BigEndian(data[48..], (uint)unit.BlocksPerVolumeBlock);
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
    /// SBC-3 §6.6.4: UNMAP and both WRITE SAME free blocks, freed blocks read as zeroes; thin, or (space is
    /// kept for everything) resource provisioned, and then freed blocks are anchored.
    /// </summary>
    private static int WriteProvisioning(LogicalUnit unit, Span<byte> data)
    {
        bool isAnchored = unit.Volume.IsFullyReserved;
        data[0] = unit.Volume.Room is null ? (byte)0 : LogCommands.ThresholdExponent(unit);
        data[1] = (byte)(0xe4 | (isAnchored ? 0x02 : 0));
        data[2] = isAnchored ? (byte)0x01 : (byte)0x02;
        return 4;
    }
}
