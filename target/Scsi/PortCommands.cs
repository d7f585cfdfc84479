using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>REPORT TARGET PORT GROUPS, SPC-4 §6.37: each group has one port.</summary>
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

        PortGroup ports = task.Unit!.Ports;
        int start = format == 0 ? 4 : 4 + ExtendedHeaderBytes;
        int total = start + ((GroupBytes + PortBytes) * (1 + ports.Others.Count));
        if (!task.TryAnswer(total, out Span<byte> data)) return default;
        BinaryPrimitives.WriteInt32BigEndian(data, total - 4);
        if (format == 1) data[4] = 0x10;
        Span<byte> rest = data[start..];
        rest = WriteGroup(rest, ports.Id, ports.State);
        foreach (TargetPort other in ports.Others)
            rest = WriteGroup(
                rest, other.Id,
                other.IsOptimized ? AccessState.ActiveOptimized : AccessState.ActiveNonOptimized);
        task.EndAnswer(total, BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6)));
        return default;
    }

    private static Span<byte> WriteGroup(Span<byte> to, ushort id, AccessState state)
    {
        to[0] = (byte)state;
        to[1] = SupportedStates;
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], id);
        to[7] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(to[(GroupBytes + 2)..], id);
        return to[(GroupBytes + PortBytes)..];
    }
}
