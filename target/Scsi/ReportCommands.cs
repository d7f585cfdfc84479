using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS, SPC-4 §6.35 and §6.36, from the table.
/// </summary>
internal static class ReportCommands
{
    private const int TimeoutBytes = 12;
    private const byte QueryTask = 0x04;
    private const byte QueryTaskSetAndNexusReset = 0x03;

    public static ValueTask OperationCodes(ScsiTask task)
    {
        int options = task.Cdb[2] & 7;
        bool timeouts = (task.Cdb[2] & 0x80) != 0;
        uint allocation = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6));
        if (options > 3)
        {
            task.FailCdb(2, 2);
            return default;
        }

        if (options == 0) ReportAll(task, timeouts, allocation);
        else ReportOne(task, options, timeouts, allocation);
        return default;
    }

    /// <summary>
    /// All functions that have an effect: abort task and set, clear task set, unit reset, target resets; and
    /// where the session allows them (RFC 7144) the queries and the reset of the nexus.
    /// </summary>
    public static ValueTask TaskManagement(ScsiTask task)
    {
        bool extended = (task.Cdb[2] & 0x80) != 0;
        uint allocation = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6));
        if (allocation < 4)
        {
            task.FailCdb(6);
            return default;
        }

        if (!task.TryAnswer(16, out Span<byte> data)) return default;
        data[0] = 0xda;
        if (task.Nexus.AllowsQueries)
        {
            data[0] |= QueryTask;
            data[1] = QueryTaskSetAndNexusReset;
        }

        if (extended) data[3] = 12;
        task.EndAnswer(extended ? 16 : 4, allocation);
        return default;
    }

    private static void ReportAll(ScsiTask task, bool timeouts, uint allocation)
    {
        int rowBytes = timeouts ? 8 + TimeoutBytes : 8;
        int total = 4 + CommandTable.All.Length * rowBytes;
        if (!task.TryAnswer(total, out Span<byte> data)) return;
        BinaryPrimitives.WriteInt32BigEndian(data, total - 4);
        int at = 4;
        foreach (CommandDescriptor row in CommandTable.All)
        {
            Span<byte> entry = data.Slice(at, rowBytes);
            entry[0] = row.Opcode;
            if (row.ServiceAction >= 0)
                BinaryPrimitives.WriteUInt16BigEndian(entry[2..], (ushort)row.ServiceAction);
            entry[5] = (byte)((row.ServiceAction >= 0 ? 1 : 0) | (timeouts ? 2 : 0));
            BinaryPrimitives.WriteUInt16BigEndian(entry[6..], (ushort)row.CdbBytes);
            if (timeouts) BinaryPrimitives.WriteUInt16BigEndian(entry[8..], TimeoutBytes - 2);
            at += rowBytes;
        }

        task.EndAnswer(total, allocation);
    }

    private static void ReportOne(ScsiTask task, int options, bool timeouts, uint allocation)
    {
        byte opcode = task.Cdb[3];
        int action = BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(4));
        bool hasActions = CommandTable.HasServiceActions(opcode);
        if ((options == 1 && hasActions) || (options == 2 && !hasActions && CommandTable.KnowsOpcode(opcode)))
        {
            task.FailCdb(2, 2);
            return;
        }

        CommandDescriptor? row = hasActions && action < 32 ? CommandTable.Find(opcode, action)
            : !hasActions && (options == 1 || action == 0) ? CommandTable.Find(opcode, -1) : null;
        int cdbBytes = row?.CdbBytes ?? 0;
        int total = 4 + cdbBytes + (timeouts && row is not null ? TimeoutBytes : 0);
        if (!task.TryAnswer(64, out Span<byte> data)) return;
        data[1] = row is null ? (byte)0x01 : (byte)0x03;
        if (row is not null)
        {
            BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)cdbBytes);
            row.Usage.CopyTo(data[4..]);
            if (timeouts)
            {
                data[1] |= 0x80;
                BinaryPrimitives.WriteUInt16BigEndian(data[(4 + cdbBytes)..], TimeoutBytes - 2);
            }
        }

        task.EndAnswer(total, allocation);
    }
}
