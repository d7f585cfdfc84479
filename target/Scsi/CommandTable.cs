using System.Collections.Immutable;

namespace Cstor.Target.Scsi;

using static CommandFlags;

/// <summary>
/// Every command of the device server: CDB usage mask, what the pipeline checks, and the handler. INVALID
/// COMMAND OPERATION CODE, INVALID FIELD IN CDB with its field pointer, and REPORT SUPPORTED OPERATION
/// CODES follow from it.
/// </summary>
internal static class CommandTable
{
    private const CommandFlags Medium = ChecksRange;
    private const CommandFlags ReadFlags = Medium | Reads | BoundedTransfer;
    private const CommandFlags WriteFlags = Medium | Writes | BoundedTransfer;

    private static readonly CommandDescriptor?[] ByOpcode = new CommandDescriptor?[256];
    private static readonly CommandDescriptor?[]?[] ByServiceAction = new CommandDescriptor?[256][];
    private static readonly ImmutableArray<CommandDescriptor> Rows = BuildRows();

    public static ImmutableArray<CommandDescriptor> All => Rows;

    /// <summary>The row for a CDB, or null for an unknown opcode or service action.</summary>
    public static CommandDescriptor? Find(ReadOnlySpan<byte> cdb)
    {
        CommandDescriptor? row = ByOpcode[cdb[0]];
        return row ?? ByServiceAction[cdb[0]]?[cdb[1] & 0x1f];
    }

    public static CommandDescriptor? Find(byte opcode, int serviceAction) =>
        serviceAction < 0 ? ByOpcode[opcode] : ByServiceAction[opcode]?[serviceAction & 0x1f];

    /// <summary>What stands for a read of another unit.</summary>
    public static CommandDescriptor Read16 => ByOpcode[0x88]!;

    /// <summary>What stands for a write of another unit.</summary>
    public static CommandDescriptor Write16 => ByOpcode[0x8a]!;

    public static bool KnowsOpcode(byte opcode) =>
        ByOpcode[opcode] is not null || ByServiceAction[opcode] is not null;

    public static bool HasServiceActions(byte opcode) => ByServiceAction[opcode] is not null;

    private static ImmutableArray<CommandDescriptor> BuildRows()
    {
        var rows = new List<CommandDescriptor>();
        AddBasics(rows);
        AddReads(rows);
        AddWrites(rows);
        AddServiceActions(rows);
        AddReservations(rows);
        foreach (CommandDescriptor row in rows)
        {
            if (row.ServiceAction < 0) ByOpcode[row.Opcode] = row;
            else (ByServiceAction[row.Opcode] ??= new CommandDescriptor?[32])[row.ServiceAction] = row;
        }

        return [.. rows];
    }

    private static void AddBasics(List<CommandDescriptor> rows)
    {
        rows.Add(Row("TEST UNIT READY", [0x00, 0, 0, 0, 0, 0], CdbLayout.None, None,
            BasicCommands.TestUnitReady));
        rows.Add(Row("REQUEST SENSE", [0x03, 0x01, 0, 0, 0xff, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve | AnyAccessState, BasicCommands.RequestSense));
        rows.Add(Row("INQUIRY", [0x12, 0x01, 0xff, 0xff, 0xff, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve | AnyAccessState, InquiryCommands.Inquiry));
        rows.Add(Row("MODE SELECT(6)", [0x15, 0x11, 0, 0, 0xff, 0], CdbLayout.None, Changes,
            ModeCommands.Select, static t => t.Cdb[4]));
        rows.Add(Row("MODE SENSE(6)", [0x1a, 0x08, 0xff, 0xff, 0xff, 0], CdbLayout.None,
            Reads | AnyAccessState,
            ModeCommands.Sense));
        rows.Add(Row("START STOP UNIT", [0x1b, 0x01, 0, 0x0f, 0xf7, 0], CdbLayout.None, Changes,
            BasicCommands.StartStopUnit));
        rows.Add(Row("PREVENT ALLOW MEDIUM REMOVAL", [0x1e, 0, 0, 0, 0x03, 0], CdbLayout.None, Changes,
            BasicCommands.PreventAllow));
        rows.Add(Row("READ CAPACITY(10)", [0x25, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0], CdbLayout.None,
            None,
            CapacityCommands.ReadCapacity10));
        rows.Add(Row("MODE SELECT(10)", [0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None, Changes,
            ModeCommands.Select, static t => (t.Cdb[7] << 8) | t.Cdb[8]));
        rows.Add(Row("MODE SENSE(10)", [0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None,
            Reads | AnyAccessState,
            ModeCommands.Sense));
        rows.Add(Row("LOG SENSE", [0x4d, 0, 0x3f, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0], CdbLayout.None,
            AnyAccessState, LogCommands.Sense));
        rows.Add(Row("REPORT LUNS", [0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve | AnyAccessState, BasicCommands.ReportLuns));
        rows.Add(Row("RESERVE(6)", [0x16, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve,
            ReserveCommands.Reserve));
        rows.Add(Row("RELEASE(6)", [0x17, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve,
            ReserveCommands.Release));
        rows.Add(Row("RESERVE(10)", [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0], CdbLayout.None,
            IgnoresReserve, ReserveCommands.Reserve));
        rows.Add(Row("RELEASE(10)", [0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve,
            ReserveCommands.Release));
    }

    private static void AddReads(List<CommandDescriptor> rows)
    {
        rows.Add(Row("READ(6)", [0x08, 0x1f, 0xff, 0xff, 0xff, 0], CdbLayout.Six, ReadFlags,
            ReadWriteCommands.Read));
        rows.Add(Row("READ(10)", Ten(0x28, 0x1e), CdbLayout.Ten, ReadFlags, ReadWriteCommands.Read));
        rows.Add(Row("READ(12)", Twelve(0xa8, 0x1e), CdbLayout.Twelve, ReadFlags, ReadWriteCommands.Read));
        rows.Add(Row("READ(16)", Sixteen(0x88, 0x1e), CdbLayout.Sixteen, ReadFlags, ReadWriteCommands.Read));
        rows.Add(Row("PRE-FETCH(10)", Ten(0x34, 0x02), CdbLayout.Ten, Medium | Reads,
            ReadWriteCommands.PreFetch));
        rows.Add(Row("PRE-FETCH(16)", Sixteen(0x90, 0x02), CdbLayout.Sixteen, Medium | Reads,
            ReadWriteCommands.PreFetch));
        rows.Add(Row("SYNCHRONIZE CACHE(10)", Ten(0x35, 0x06), CdbLayout.Ten, Changes,
            ReadWriteCommands.SynchronizeCache));
        rows.Add(Row("SYNCHRONIZE CACHE(16)", Sixteen(0x91, 0x06), CdbLayout.Sixteen, Changes,
            ReadWriteCommands.SynchronizeCache));
        rows.Add(Row("READ DEFECT DATA(10)", [0x37, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None,
            Reads, DefectCommands.Read10));
        rows.Add(Row("READ DEFECT DATA(12)",
            [0xb7, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
            CdbLayout.None, Reads, DefectCommands.Read12));
        rows.Add(Row("VERIFY(10)", Ten(0x2f, 0x16), CdbLayout.Ten, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes));
        rows.Add(Row("VERIFY(12)", Twelve(0xaf, 0x16), CdbLayout.Twelve, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes));
        rows.Add(Row("VERIFY(16)", Sixteen(0x8f, 0x16), CdbLayout.Sixteen, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes));
    }

    private static void AddWrites(List<CommandDescriptor> rows)
    {
        Func<ScsiTask, long> data = ReadWriteCommands.DataOutBytes;
        rows.Add(Row("WRITE(6)", [0x0a, 0x1f, 0xff, 0xff, 0xff, 0], CdbLayout.Six, WriteFlags,
            ReadWriteCommands.Write,
            data));
        rows.Add(Row("WRITE(10)", Ten(0x2a, 0x1a), CdbLayout.Ten, WriteFlags, ReadWriteCommands.Write, data));
        rows.Add(Row("WRITE(12)", Twelve(0xaa, 0x1a), CdbLayout.Twelve, WriteFlags, ReadWriteCommands.Write,
            data));
        rows.Add(Row("WRITE(16)", Sixteen(0x8a, 0x1a), CdbLayout.Sixteen, WriteFlags, ReadWriteCommands.Write,
            data));
        rows.Add(Row("WRITE AND VERIFY(10)", Ten(0x2e, 0x16), CdbLayout.Ten, WriteFlags,
            VerifyCommands.WriteAndVerify,
            data));
        rows.Add(Row("WRITE AND VERIFY(12)", Twelve(0xae, 0x16), CdbLayout.Twelve, WriteFlags,
            VerifyCommands.WriteAndVerify, data));
        rows.Add(Row("WRITE AND VERIFY(16)", Sixteen(0x8e, 0x16), CdbLayout.Sixteen, WriteFlags,
            VerifyCommands.WriteAndVerify, data));
        rows.Add(Row("ORWRITE(16)", Sixteen(0x8b, 0x1a), CdbLayout.Sixteen, WriteFlags | Exclusive,
            AtomicCommands.OrWrite, data));
        rows.Add(Row("COMPARE AND WRITE",
            [0x89, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x3f, 0],
            CdbLayout.CompareAndWrite, Medium | Writes | Exclusive, AtomicCommands.CompareAndWrite,
            static t => 2 * ReadWriteCommands.DataOutBytes(t)));
        rows.Add(Row("WRITE ATOMIC(16)",
            [0x9c, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0x3f, 0],
            CdbLayout.Atomic, Medium | Writes, AtomicCommands.WriteAtomic, data));
        rows.Add(Row("UNMAP", [0x42, 0x01, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0], CdbLayout.None,
            Writes,
            ProvisioningCommands.Unmap, static t => (t.Cdb[7] << 8) | t.Cdb[8]));
        rows.Add(Row("WRITE SAME(10)", Ten(0x41, 0x18), CdbLayout.Ten, Medium | Writes,
            ProvisioningCommands.WriteSame,
            ProvisioningCommands.WriteSameDataOutBytes));
        rows.Add(Row("WRITE SAME(16)", Sixteen(0x93, 0x19), CdbLayout.Sixteen, Medium | Writes,
            ProvisioningCommands.WriteSame, ProvisioningCommands.WriteSameDataOutBytes));
    }

    private static void AddServiceActions(List<CommandDescriptor> rows)
    {
        rows.Add(ActionRow("READ CAPACITY(16)", 0x10,
            [0x9e, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0],
            CdbLayout.None, None, CapacityCommands.ReadCapacity16));
        rows.Add(ActionRow("GET LBA STATUS", 0x12,
            [0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
            CdbLayout.LbaOnly16, Reads, LbaStatusCommand.Get));
        rows.Add(ActionRow("REPORT SUPPORTED OPERATION CODES", 0x0c,
            [0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None,
            AnyAccessState, ReportCommands.OperationCodes));
        rows.Add(ActionRow("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", 0x0d,
            [0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, AnyAccessState,
            ReportCommands.TaskManagement));
        rows.Add(ActionRow("REPORT TARGET PORT GROUPS", 0x0a,
            [0xa3, 0xea, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, AnyAccessState,
            PortCommands.ReportGroups));
        rows.Add(ActionRow("EXTENDED COPY(LID1)", 0x00,
            [0x83, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, Changes,
            CopyCommands.Copy, CopyCommands.DataOutBytes));
        rows.Add(ActionRow("RECEIVE COPY STATUS(LID1)", 0x00,
            [0x84, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, Changes,
            CopyCommands.Status));
        rows.Add(ActionRow("RECEIVE COPY OPERATING PARAMETERS", 0x03,
            [0x84, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, Changes,
            CopyCommands.OperatingParameters));
    }

    private static void AddReservations(List<CommandDescriptor> rows)
    {
        (string Name, Func<ScsiTask, ValueTask> Handler)[] reads =
        [
            ("READ KEYS", PersistentReserveCommands.ReadKeys),
            ("READ RESERVATION", PersistentReserveCommands.ReadReservation),
            ("REPORT CAPABILITIES", PersistentReserveCommands.ReportCapabilities),
            ("READ FULL STATUS", PersistentReserveCommands.ReadFullStatus),
        ];
        for (int action = 0; action < reads.Length; action++)
        {
            rows.Add(ActionRow("PERSISTENT RESERVE IN, " + reads[action].Name, action,
                [0x5e, (byte)action, 0, 0, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None,
                AnyAccessState | ShowsReservations, reads[action].Handler));
        }

        string[] writes =
        [
            "REGISTER", "RESERVE", "RELEASE", "CLEAR", "PREEMPT", "PREEMPT AND ABORT",
            "REGISTER AND IGNORE EXISTING KEY", "REGISTER AND MOVE",
        ];
        for (int action = 0; action < writes.Length; action++)
        {
            rows.Add(ActionRow("PERSISTENT RESERVE OUT, " + writes[action], action,
                [0x5f, (byte)action, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0], CdbLayout.None,
                None, ReservationChanges.Out, ReservationChanges.DataOutBytes));
        }
    }

    private static byte[] Ten(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0];

    private static byte[] Twelve(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0];

    private static byte[] Sixteen(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0];

    private static CommandDescriptor Row(
        string name, byte[] usage, CdbLayout layout, CommandFlags flags, Func<ScsiTask, ValueTask> handler,
        Func<ScsiTask, long>? dataOutBytes = null) =>
        new(name, usage, -1, layout, flags, dataOutBytes, handler);

    private static CommandDescriptor ActionRow(
        string name, int serviceAction, byte[] usage, CdbLayout layout, CommandFlags flags,
        Func<ScsiTask, ValueTask> handler, Func<ScsiTask, long>? dataOutBytes = null) =>
        new(name, usage, serviceAction, layout, flags, dataOutBytes, handler);
}
