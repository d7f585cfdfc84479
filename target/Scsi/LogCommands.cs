using System.Buffers.Binary;
using System.Numerics;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// LOG SENSE, SPC-4 §6.8 and §7.3: the pages there are, and where the volume knows its room, logical block
/// provisioning (0Ch, SBC-3 §6.4.4): what is available to it and what it uses, in threshold sets of 1 MiB.
/// Nothing can be saved or reset.
/// </summary>
internal static class LogCommands
{
    /// <summary>Bytes of a threshold set: the unit of the provisioning page and of its thresholds.</summary>
    public const int ThresholdSetBytes = 1024 * 1024;

    private const byte Supported = 0x00;
    private const byte Provisioning = 0x0c;
    private const byte AllSubpages = 0xff;
    private const int ParameterBytes = 12;

    /// <summary>FORMAT AND LINKING: a list of binary values.</summary>
    private const byte BinaryList = 0x03;

    private const byte ThisUnitAlone = 0x01;
    private const byte SharedWithOthers = 0x02;

    public static ValueTask Sense(ScsiTask task)
    {
        byte page = (byte)(task.Cdb[2] & 0x3f);
        byte subpage = task.Cdb[3];
        int first = BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(5));
        VolumeRoom? room = task.Unit!.Volume.Room;
        bool known = page == Supported ? subpage is 0 or AllSubpages
            : page == Provisioning && room is not null && subpage == 0;
        if (!known)
        {
            task.FailCdb(page == Supported || (page == Provisioning && room is not null) ? 3 : 2);
            return default;
        }

        if (first > (page == Provisioning ? 2 : 0))
        {
            task.FailCdb(5);
            return default;
        }

        const int capacity = 4 + 2 * ParameterBytes;
        if (!task.TryAnswer(capacity, out Span<byte> data)) return default;
        data[0] = page;
        int length = page == Provisioning
            ? WriteProvisioning(room!.Value, first, data[4..])
            : WriteSupported(room is not null, subpage, data);
        if (page == Provisioning) data[0] |= 0x80;
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)length);
        task.EndAnswer(4 + length, BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7)));
        return default;
    }

    /// <summary>THRESHOLD EXPONENT: log2 of the blocks in a threshold set.</summary>
    public static byte ThresholdExponent(LogicalUnit unit) =>
        (byte)BitOperations.Log2((uint)(ThresholdSetBytes / unit.BlockBytes));

    public static uint ThresholdSets(long bytes) => (uint)Math.Min(bytes / ThresholdSetBytes, uint.MaxValue);

    private static int WriteSupported(bool hasProvisioning, byte subpage, Span<byte> data)
    {
        byte[] pages = hasProvisioning ? [Supported, Provisioning] : [Supported];
        if (subpage == 0)
        {
            pages.CopyTo(data[4..]);
            return pages.Length;
        }

        data[0] |= 0x40;
        data[1] = subpage;
        int end = 4;
        foreach (byte page in pages)
        {
            data[end] = page;
            end += 2;
            if (page != Supported) continue;
            data[end] = page;
            data[end + 1] = AllSubpages;
            end += 2;
        }

        return end - 4;
    }

    private static int WriteProvisioning(VolumeRoom room, int first, Span<byte> data)
    {
        int end = 0;
        if (first <= 1) end += Write(data[end..], 1, room.AvailableBytes, SharedWithOthers);
        end += Write(data[end..], 2, room.UsedBytes, ThisUnitAlone);
        return end;
    }

    private static int Write(Span<byte> data, ushort code, long bytes, byte scope)
    {
        BinaryPrimitives.WriteUInt16BigEndian(data, code);
        data[2] = BinaryList;
        data[3] = ParameterBytes - 4;
        BinaryPrimitives.WriteUInt32BigEndian(data[4..], ThresholdSets(bytes));
        data[8] = scope;
        return ParameterBytes;
    }
}
