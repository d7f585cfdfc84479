using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// INQUIRY, SPC-4 §6.6: standard data; the vital product data pages are in <see cref="VitalPages"/>.
/// </summary>
internal static class InquiryCommands
{
    private const int CapacityBytes = 1024;
    private const byte ThirdPartyCopy = 0x08;

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

        if (vital && (task.Unit is null || !VitalPages.IsKnown(page)))
        {
            task.FailCdb(2);
            return default;
        }

        if (!task.TryAnswer(CapacityBytes, out Span<byte> data)) return default;
        int actual = vital ? VitalPages.Write(task.Unit!, page, data) : WriteStandard(task.Unit, data);
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
        data[5] = PortGroup.ImplicitAccess | ThirdPartyCopy;
        data[7] = 0x02;
        VitalPages.Ascii(data.Slice(8, 8), "CSTOR");
        VitalPages.Ascii(data.Slice(16, 16), "VOLUME");
        VitalPages.Ascii(data.Slice(32, 4), "0.1");
        for (int i = 0; i < Versions.Length; i++)
            BinaryPrimitives.WriteUInt16BigEndian(data[(58 + 2 * i)..], Versions[i]);
        return length;
    }
}
