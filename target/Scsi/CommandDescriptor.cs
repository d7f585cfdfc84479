using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// One row of the command table. The usage mask (SPC-4 §6.37.3: a one for every bit that the device server
/// evaluates) gives the CDB's length, the check for reserved bits, and the answer to REPORT SUPPORTED
/// OPERATION CODES.
/// </summary>
internal sealed class CommandDescriptor
{
    private readonly ulong _reservedLow;
    private readonly ulong _reservedHigh;

    public CommandDescriptor(
        string name, byte[] usage, int serviceAction, CdbLayout layout, CommandFlags flags,
        Func<ScsiTask, long>? dataOutBytes, Func<ScsiTask, ValueTask> handler)
    {
        Name = name;
        Usage = usage;
        ServiceAction = serviceAction;
        Layout = layout;
        Flags = flags;
        DataOutBytes = dataOutBytes;
        Handler = handler;
        Span<byte> mask = stackalloc byte[16];
        mask.Fill(0xff);
        usage.CopyTo(mask);
        mask[0] = 0xff;
        if (serviceAction >= 0) mask[1] |= 0x1f;
        _reservedLow = ~BinaryPrimitives.ReadUInt64LittleEndian(mask);
        _reservedHigh = ~BinaryPrimitives.ReadUInt64LittleEndian(mask[8..]);
    }

    public string Name { get; }

    public byte Opcode => Usage[0];

    /// <summary>Service action in the low five bits of byte 1, or -1 where the opcode has none.</summary>
    public int ServiceAction { get; }

    public byte[] Usage { get; }

    public int CdbBytes => Usage.Length;

    public CdbLayout Layout { get; }

    public CommandFlags Flags { get; }

    /// <summary>Bytes the command takes from the initiator, by its CDB; null for none.</summary>
    public Func<ScsiTask, long>? DataOutBytes { get; }

    public Func<ScsiTask, ValueTask> Handler { get; }

    public bool Is(CommandFlags flag) => (Flags & flag) != 0;

    /// <summary>First bit set where the mask has none, or -1 for a clean CDB: byte * 8 + bit.</summary>
    public int FindReservedBit(ReadOnlySpan<byte> cdb)
    {
        ulong low = BinaryPrimitives.ReadUInt64LittleEndian(cdb) & _reservedLow;
        ulong high = BinaryPrimitives.ReadUInt64LittleEndian(cdb[8..]) & _reservedHigh;
        if ((low | high) == 0) return -1;
        int start = low != 0 ? System.Numerics.BitOperations.TrailingZeroCount(low) / 8
            : 8 + System.Numerics.BitOperations.TrailingZeroCount(high) / 8;
        byte usage = start < Usage.Length ? Usage[start] : (byte)0;
        if (start == 1 && ServiceAction >= 0) usage |= 0x1f;
        int wrong = cdb[start] & ~usage;
        return start * 8 + System.Numerics.BitOperations.Log2((uint)wrong);
    }
}
