using System.Buffers.Binary;

namespace Cstor.Target.Iscsi;

/// <summary>
/// A basic header segment as received: 48 bytes, big-endian, RFC 7143 §11.2.1. A view, so that parsing
/// copies nothing; fields that only some opcodes have share offsets, and the reader asks for what its
/// opcode defines.
/// </summary>
internal readonly ref struct PduHeader(ReadOnlySpan<byte> bytes)
{
    /// <summary>Length of the basic header segment.</summary>
    public const int LengthBytes = 48;

    /// <summary>A task tag that names no task.</summary>
    public const uint NoTag = 0xffff_ffff;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public IscsiOpcode Opcode => (IscsiOpcode)(Bytes[0] & 0x3f);

    public bool IsImmediate => (Bytes[0] & 0x40) != 0;

    public byte Flags => Bytes[1];

    public bool IsFinal => (Bytes[1] & 0x80) != 0;

    /// <summary>C bit of login and text.</summary>
    public bool IsContinued => (Bytes[1] & 0x40) != 0;

    public int AhsLengthBytes => Bytes[4] * 4;

    public int DataLengthBytes => (Bytes[5] << 16) | (Bytes[6] << 8) | Bytes[7];

    public ulong Lun => BinaryPrimitives.ReadUInt64BigEndian(Bytes[8..]);

    public uint InitiatorTaskTag => BinaryPrimitives.ReadUInt32BigEndian(Bytes[16..]);

    public uint TargetTransferTag => BinaryPrimitives.ReadUInt32BigEndian(Bytes[20..]);

    /// <summary>SCSI command: bytes the initiator has or wants.</summary>
    public uint ExpectedTransferBytes => BinaryPrimitives.ReadUInt32BigEndian(Bytes[20..]);

    /// <summary>Task management: the task it is about.</summary>
    public uint ReferencedTaskTag => BinaryPrimitives.ReadUInt32BigEndian(Bytes[20..]);

    public uint CmdSn => BinaryPrimitives.ReadUInt32BigEndian(Bytes[24..]);

    public uint ExpStatSn => BinaryPrimitives.ReadUInt32BigEndian(Bytes[28..]);

    /// <summary>Task management: CmdSN of the task it is about.</summary>
    public uint RefCmdSn => BinaryPrimitives.ReadUInt32BigEndian(Bytes[32..]);

    public uint DataSn => BinaryPrimitives.ReadUInt32BigEndian(Bytes[36..]);

    public uint BufferOffset => BinaryPrimitives.ReadUInt32BigEndian(Bytes[40..]);

    /// <summary>SCSI command: the first 16 bytes of the CDB.</summary>
    public ReadOnlySpan<byte> Cdb => Bytes.Slice(32, 16);

    /// <summary>Login: initiator part of the session identifier, as 48 bits.</summary>
    public ulong Isid => BinaryPrimitives.ReadUInt64BigEndian(Bytes[8..]) >> 16;

    /// <summary>Login: target part of the session identifier; 0 asks for a new session.</summary>
    public ushort Tsih => BinaryPrimitives.ReadUInt16BigEndian(Bytes[14..]);

    /// <summary>Login and logout: connection identifier.</summary>
    public ushort Cid => BinaryPrimitives.ReadUInt16BigEndian(Bytes[20..]);
}
