using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// MODE SENSE and MODE SELECT, SPC-4 §6.10 to §6.14 and §7.5. WCE, SWP and D_SENSE may be changed; nothing is
/// saved. The pages are in <see cref="ModePages"/>.
/// </summary>
internal static class ModeCommands
{
    private const int CapacityBytes = 256;
    private const byte AllPages = 0x3f;
    private const byte AllSubpages = 0xff;
    private const int Saved = 3;

    public static ValueTask Sense(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        bool ten = task.Cdb[0] == 0x5a;
        int control = task.Cdb[2] >> 6;
        byte page = (byte)(task.Cdb[2] & 0x3f);
        byte subpage = task.Cdb[3];
        bool isPageKnown = page == AllPages || ModePages.IsKnown(page, 0);
        if (!isPageKnown || !(subpage is 0x00 or AllSubpages || ModePages.IsKnown(page, subpage)))
        {
            task.FailCdb(isPageKnown ? 3 : 2);
            return default;
        }

        if (control == Saved)
        {
            task.Fail(Scsi.Sense.SavingNotSupported);
            return default;
        }

        if (!task.TryAnswer(CapacityBytes, out Span<byte> data)) return default;
        int headerBytes = ten ? 8 : 4;
        bool withBlock = (task.Cdb[1] & 0x08) == 0;
        bool longBlock = ten && (task.Cdb[1] & 0x10) != 0;
        int end = headerBytes;
        if (withBlock) end += WriteBlock(unit, data[end..], longBlock);
        foreach ((byte Page, byte Subpage) each in ModePages.All)
        {
            bool wanted = (page == AllPages || page == each.Page)
                && (subpage == AllSubpages || subpage == each.Subpage);
            if (wanted) end += ModePages.Write(unit, each, control, data[end..]);
        }

        byte device = (byte)(0x10 | (unit.IsWriteProtected ? 0x80 : 0));
        WriteHeader(data, ten, end, device, withBlock, longBlock);
        int allocation = ten ? BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7)) : task.Cdb[4];
        task.EndAnswer(end, allocation);
        return default;
    }

    public static ValueTask Select(ScsiTask task)
    {
        if ((task.Cdb[1] & 0x01) != 0)
        {
            task.FailCdb(1, 0);
            return default;
        }

        task.WantedBytes = Math.Max(0, DeviceServerLength(task));
        ReadOnlySpan<byte> list = task.DataOutSpan;
        if (task.WantedBytes == 0)
        {
            task.Good();
            return default;
        }

        if (list.Length < task.WantedBytes)
        {
            task.Fail(Scsi.Sense.ParameterListLengthError);
            return default;
        }

        var changed = new ModeParameters
        {
            WriteCache = task.Unit!.Modes.WriteCache,
            SoftwareWriteProtect = task.Unit.Modes.SoftwareWriteProtect,
            DescriptorSense = task.Unit.Modes.DescriptorSense,
        };
        Sense? wrong = Parse(task.Unit, list[..(int)task.WantedBytes], task.Cdb[0] == 0x55, changed);
        if (wrong is not null) task.Fail(wrong.Value);
        else Apply(task, changed);
        return default;
    }

    private static long DeviceServerLength(ScsiTask task) =>
        task.Cdb[0] == 0x55 ? (task.Cdb[7] << 8) | task.Cdb[8] : task.Cdb[4];

    private static void Apply(ScsiTask task, ModeParameters changed)
    {
        ModeParameters modes = task.Unit!.Modes;
        bool differs = modes.WriteCache != changed.WriteCache ||
            modes.SoftwareWriteProtect != changed.SoftwareWriteProtect ||
            modes.DescriptorSense != changed.DescriptorSense;
        modes.WriteCache = changed.WriteCache;
        modes.SoftwareWriteProtect = changed.SoftwareWriteProtect;
        modes.DescriptorSense = changed.DescriptorSense;
        if (differs) task.Unit.AttendAll(Scsi.Sense.ModeParametersChanged, task.Nexus);
        task.Good();
    }

    /// <summary>Checks the whole list before anything changes: null, or what is wrong with it.</summary>
    private static Sense? Parse(LogicalUnit unit, ReadOnlySpan<byte> list, bool ten, ModeParameters changed)
    {
        int headerBytes = ten ? 8 : 4;
        if (list.Length < headerBytes) return Scsi.Sense.ParameterListLengthError;
        int blockBytes = ten ? BinaryPrimitives.ReadUInt16BigEndian(list[6..]) : list[3];
        if (blockBytes is not (0 or 8 or 16)) return Scsi.Sense.InvalidFieldInParameters(ten ? 6 : 3);
        int at = headerBytes + blockBytes;
        if (list.Length < at) return Scsi.Sense.ParameterListLengthError;
        if (blockBytes == 8)
        {
            int length = (list[headerBytes + 5] << 16) | (list[headerBytes + 6] << 8) | list[headerBytes + 7];
            if (length != unit.BlockBytes && length != 0)
                return Scsi.Sense.InvalidFieldInParameters(headerBytes + 5);
        }

        Span<byte> current = stackalloc byte[32];
        Span<byte> mask = stackalloc byte[32];
        while (at < list.Length)
        {
            bool isLong = (list[at] & 0x40) != 0;
            byte page = (byte)(list[at] & 0x3f);
            if (isLong && list.Length < at + 4) return Scsi.Sense.ParameterListLengthError;
            byte subpage = isLong ? list[at + 1] : (byte)0;
            if (!ModePages.IsKnown(page, subpage)) return Scsi.Sense.InvalidFieldInParameters(at);
            current.Clear();
            mask.Clear();
            int pageBytes = ModePages.Write(unit, (page, subpage), 0, current);
            ModePages.Write(unit, (page, subpage), ModePages.Changeable, mask);
            if (list.Length < at + pageBytes) return Scsi.Sense.ParameterListLengthError;
            for (int i = 1; i < pageBytes; i++)
            {
                if (((list[at + i] ^ current[i]) & ~mask[i]) != 0)
                    return Scsi.Sense.InvalidFieldInParameters(at + i);
            }

            ModePages.Take(page, list.Slice(at, pageBytes), changed);
            at += pageBytes;
        }

        return null;
    }

    private static void WriteHeader(
        Span<byte> data, bool ten, int endBytes, byte device, bool withBlock, bool longBlock)
    {
        int blockBytes = !withBlock ? 0 : longBlock ? 16 : 8;
        if (ten)
        {
            BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)(endBytes - 2));
            data[3] = device;
            data[4] = longBlock ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt16BigEndian(data[6..], (ushort)blockBytes);
            return;
        }

        data[0] = (byte)(endBytes - 1);
        data[2] = device;
        data[3] = (byte)blockBytes;
    }

    private static int WriteBlock(LogicalUnit unit, Span<byte> data, bool isLong)
    {
        if (isLong)
        {
            BinaryPrimitives.WriteUInt64BigEndian(data, unit.BlockCount);
            BinaryPrimitives.WriteInt32BigEndian(data[12..], unit.BlockBytes);
            return 16;
        }

        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)Math.Min(unit.BlockCount, uint.MaxValue));
        BinaryPrimitives.WriteInt32BigEndian(data[4..], unit.BlockBytes);
        return 8;
    }
}
