using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>REPORT TARGET PORT GROUPS, SPC-4 §6.37: one group with one port.</summary>
internal static class PortCommands
{
    private const int GroupBytes = 8;
    private const int PortBytes = 4;
    private const int ExtendedHeaderBytes = 4;

    /// <summary>T_SUP, U_SUP, S_SUP, AN_SUP and AO_SUP: the states that may be reported.</summary>
    private const byte SupportedStates = 0x8f;

    public static ValueTask ReportGroups(ScsiTask task)
    {
        int format = task.Cdb[1] >> 5;
        if (format > 1)
        {
            task.FailCdb(1, 7);
            return default;
        }

        int start = format == 0 ? 4 : 4 + ExtendedHeaderBytes;
        int total = start + GroupBytes + PortBytes;
        if (!task.TryAnswer(total, out Span<byte> data)) return default;
        BinaryPrimitives.WriteInt32BigEndian(data, total - 4);
        if (format == 1) data[4] = 0x10;
        Span<byte> group = data[start..];
        group[0] = (byte)task.Unit!.Ports.State;
        group[1] = SupportedStates;
        BinaryPrimitives.WriteUInt16BigEndian(group[2..], PortGroup.GroupId);
        group[7] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(group[(GroupBytes + 2)..], PortGroup.RelativePort);
        task.EndAnswer(total, BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6)));
        return default;
    }
}
