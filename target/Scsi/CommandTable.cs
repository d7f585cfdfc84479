namespace Cstor.Target.Scsi;

using static CommandFlags;

/// <summary>
/// Every command of the device server: CDB usage mask, what the pipeline checks, and the handler. INVALID COMMAND
/// OPERATION CODE, INVALID FIELD IN CDB with its field pointer, and REPORT SUPPORTED OPERATION CODES follow from it.
/// </summary>
internal static class CommandTable
{
    private const CommandFlags Medium = NeedsMedium | ChecksRange;
    private const CommandFlags ReadFlags = Medium | Reads | BoundedTransfer;
    private const CommandFlags WriteFlags = Medium | Writes | BoundedTransfer;

    private static readonly CommandDescriptor?[] ByOpcode = new CommandDescriptor?[256];
    private static readonly CommandDescriptor?[]?[] ByServiceAction = new CommandDescriptor?[256][];
    private static readonly List<CommandDescriptor> Rows = [];

    static CommandTable()
    {
        AddBasics();
        AddReads();
        AddWrites();
        AddServiceActions();
    }

    public static IReadOnlyList<CommandDescriptor> All => Rows;

    /// <summary>The row for a CDB, or null for an unknown opcode or service action.</summary>
    public static CommandDescriptor? Find(ReadOnlySpan<byte> cdb)
    {
        CommandDescriptor? row = ByOpcode[cdb[0]];
        return row ?? ByServiceAction[cdb[0]]?[cdb[1] & 0x1f];
    }

    public static CommandDescriptor? Find(byte opcode, int serviceAction) =>
        serviceAction < 0 ? ByOpcode[opcode] : ByServiceAction[opcode]?[serviceAction & 0x1f];

    public static bool KnowsOpcode(byte opcode) =>
        ByOpcode[opcode] is not null || ByServiceAction[opcode] is not null;

    public static bool HasServiceActions(byte opcode) => ByServiceAction[opcode] is not null;

    private static void AddBasics()
    {
        Add("TEST UNIT READY", [0x00, 0, 0, 0, 0, 0], CdbLayout.None, NeedsMedium, BasicCommands.TestUnitReady);
        Add("REQUEST SENSE", [0x03, 0x01, 0, 0, 0xff, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve, BasicCommands.RequestSense);
        Add("INQUIRY", [0x12, 0x01, 0xff, 0xff, 0xff, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve, InquiryCommands.Inquiry);
        Add("MODE SELECT(6)", [0x15, 0x11, 0, 0, 0xff, 0], CdbLayout.None, None,
            ModeCommands.Select, static t => t.Cdb[4]);
        Add("MODE SENSE(6)", [0x1a, 0x08, 0xff, 0xff, 0xff, 0], CdbLayout.None, None, ModeCommands.Sense);
        Add("START STOP UNIT", [0x1b, 0x01, 0, 0x0f, 0xf7, 0], CdbLayout.None, None, BasicCommands.StartStopUnit);
        Add("PREVENT ALLOW MEDIUM REMOVAL", [0x1e, 0, 0, 0, 0x03, 0], CdbLayout.None, None,
            BasicCommands.PreventAllow);
        Add("READ CAPACITY(10)", [0x25, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0], CdbLayout.None, NeedsMedium,
            CapacityCommands.ReadCapacity10);
        Add("MODE SELECT(10)", [0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None, None,
            ModeCommands.Select, static t => (t.Cdb[7] << 8) | t.Cdb[8]);
        Add("MODE SENSE(10)", [0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0], CdbLayout.None, None,
            ModeCommands.Sense);
        Add("REPORT LUNS", [0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None,
            IgnoresAttention | WithoutUnit | IgnoresReserve, BasicCommands.ReportLuns);
        Add("RESERVE(6)", [0x16, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve, ReserveCommands.Reserve);
        Add("RELEASE(6)", [0x17, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve, ReserveCommands.Release);
        Add("RESERVE(10)", [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve,
            ReserveCommands.Reserve);
        Add("RELEASE(10)", [0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0], CdbLayout.None, IgnoresReserve,
            ReserveCommands.Release);
    }

    private static void AddReads()
    {
        Add("READ(6)", [0x08, 0x1f, 0xff, 0xff, 0xff, 0], CdbLayout.Six, ReadFlags, ReadWriteCommands.Read);
        Add("READ(10)", Ten(0x28, 0x1e), CdbLayout.Ten, ReadFlags, ReadWriteCommands.Read);
        Add("READ(12)", Twelve(0xa8, 0x1e), CdbLayout.Twelve, ReadFlags, ReadWriteCommands.Read);
        Add("READ(16)", Sixteen(0x88, 0x1e), CdbLayout.Sixteen, ReadFlags, ReadWriteCommands.Read);
        Add("PRE-FETCH(10)", Ten(0x34, 0x02), CdbLayout.Ten, Medium | Reads, ReadWriteCommands.PreFetch);
        Add("PRE-FETCH(16)", Sixteen(0x90, 0x02), CdbLayout.Sixteen, Medium | Reads, ReadWriteCommands.PreFetch);
        Add("SYNCHRONIZE CACHE(10)", Ten(0x35, 0x06), CdbLayout.Ten, NeedsMedium | Reads,
            ReadWriteCommands.SynchronizeCache);
        Add("SYNCHRONIZE CACHE(16)", Sixteen(0x91, 0x06), CdbLayout.Sixteen, NeedsMedium | Reads,
            ReadWriteCommands.SynchronizeCache);
        Add("VERIFY(10)", Ten(0x2f, 0x16), CdbLayout.Ten, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes);
        Add("VERIFY(12)", Twelve(0xaf, 0x16), CdbLayout.Twelve, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes);
        Add("VERIFY(16)", Sixteen(0x8f, 0x16), CdbLayout.Sixteen, ReadFlags, VerifyCommands.Verify,
            VerifyCommands.DataOutBytes);
    }

    private static void AddWrites()
    {
        Func<ScsiTask, long> data = ReadWriteCommands.DataOutBytes;
        Add("WRITE(6)", [0x0a, 0x1f, 0xff, 0xff, 0xff, 0], CdbLayout.Six, WriteFlags, ReadWriteCommands.Write, data);
        Add("WRITE(10)", Ten(0x2a, 0x1a), CdbLayout.Ten, WriteFlags, ReadWriteCommands.Write, data);
        Add("WRITE(12)", Twelve(0xaa, 0x1a), CdbLayout.Twelve, WriteFlags, ReadWriteCommands.Write, data);
        Add("WRITE(16)", Sixteen(0x8a, 0x1a), CdbLayout.Sixteen, WriteFlags, ReadWriteCommands.Write, data);
        Add("WRITE AND VERIFY(10)", Ten(0x2e, 0x16), CdbLayout.Ten, WriteFlags, VerifyCommands.WriteAndVerify, data);
        Add("WRITE AND VERIFY(12)", Twelve(0xae, 0x16), CdbLayout.Twelve, WriteFlags,
            VerifyCommands.WriteAndVerify, data);
        Add("WRITE AND VERIFY(16)", Sixteen(0x8e, 0x16), CdbLayout.Sixteen, WriteFlags,
            VerifyCommands.WriteAndVerify, data);
        Add("ORWRITE(16)", Sixteen(0x8b, 0x1a), CdbLayout.Sixteen, WriteFlags | Exclusive,
            AtomicCommands.OrWrite, data);
        Add("COMPARE AND WRITE", [0x89, 0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x3f, 0],
            CdbLayout.CompareAndWrite, Medium | Writes | Exclusive, AtomicCommands.CompareAndWrite,
            static t => 2 * ReadWriteCommands.DataOutBytes(t));
        Add("UNMAP", [0x42, 0x01, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0], CdbLayout.None, NeedsMedium | Writes,
            ProvisioningCommands.Unmap, static t => (t.Cdb[7] << 8) | t.Cdb[8]);
        Add("WRITE SAME(10)", Ten(0x41, 0x18), CdbLayout.Ten, Medium | Writes, ProvisioningCommands.WriteSame,
            ProvisioningCommands.WriteSameDataOutBytes);
        Add("WRITE SAME(16)", Sixteen(0x93, 0x19), CdbLayout.Sixteen, Medium | Writes,
            ProvisioningCommands.WriteSame, ProvisioningCommands.WriteSameDataOutBytes);
    }

    private static void AddServiceActions()
    {
        AddAction("READ CAPACITY(16)", 0x10,
            [0x9e, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0],
            CdbLayout.None, NeedsMedium, CapacityCommands.ReadCapacity16);
        AddAction("GET LBA STATUS", 0x12,
            [0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
            CdbLayout.LbaOnly16, NeedsMedium | Reads, ProvisioningCommands.GetLbaStatus);
        AddAction("REPORT SUPPORTED OPERATION CODES", 0x0c,
            [0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, None,
            ReportCommands.OperationCodes);
        AddAction("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", 0x0d,
            [0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], CdbLayout.None, None,
            ReportCommands.TaskManagement);
    }

    private static byte[] Ten(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0];

    private static byte[] Twelve(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0];

    private static byte[] Sixteen(byte opcode, byte flags) =>
        [opcode, flags, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0];

    private static void Add(
        string name, byte[] usage, CdbLayout layout, CommandFlags flags, Func<ScsiTask, ValueTask> handler,
        Func<ScsiTask, long>? dataOutBytes = null)
    {
        var row = new CommandDescriptor(name, usage, -1, layout, flags, dataOutBytes, handler);
        ByOpcode[row.Opcode] = row;
        Rows.Add(row);
    }

    private static void AddAction(
        string name, int serviceAction, byte[] usage, CdbLayout layout, CommandFlags flags,
        Func<ScsiTask, ValueTask> handler, Func<ScsiTask, long>? dataOutBytes = null)
    {
        var row = new CommandDescriptor(name, usage, serviceAction, layout, flags, dataOutBytes, handler);
        CommandDescriptor?[] group = ByServiceAction[row.Opcode] ??= new CommandDescriptor?[32];
        group[serviceAction] = row;
        Rows.Add(row);
    }
}
