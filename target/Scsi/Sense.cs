using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// Why a command failed: sense key, additional code and qualifier, and where known the field at fault or an
/// information value (SPC-4 §4.5). Written in fixed or descriptor format as the control mode page asks.
/// </summary>
internal readonly record struct Sense(byte Key, byte Asc, byte Ascq)
{
    public const int MaximumBytes = 32;

    /// <summary>Byte of the CDB or parameter list at fault, or -1.</summary>
    public int FieldByte { get; private init; } = -1;

    /// <summary>Bit at fault within <see cref="FieldByte"/>, or -1.</summary>
    public int FieldBit { get; private init; } = -1;

    /// <summary>The field at fault is in the CDB, not in the parameter list.</summary>
    public bool FieldIsInCdb { get; private init; }

    public bool HasInformation { get; private init; }

    /// <summary>Offset of a miscompare or the like.</summary>
    public ulong Information { get; private init; }

    public static Sense InvalidOpcode =>
        new Sense(0x05, 0x20, 0x00) with { FieldByte = 0, FieldIsInCdb = true };

    public static Sense InvalidFieldInCdb(int fieldByte, int bit = -1) =>
        new Sense(0x05, 0x24, 0x00) with { FieldByte = fieldByte, FieldBit = bit, FieldIsInCdb = true };

    public static Sense InvalidFieldInParameters(int fieldByte, int bit = -1) =>
        new Sense(0x05, 0x26, 0x00) with { FieldByte = fieldByte, FieldBit = bit };

    public static Sense ParameterListLengthError => new(0x05, 0x1a, 0x00);

    public bool IsLbaOutOfRange => (Key, Asc, Ascq) == (0x05, 0x21, 0x00);

    public static Sense LbaOutOfRange(ulong lba) =>
        new Sense(0x05, 0x21, 0x00) with { HasInformation = true, Information = lba };

    public static Sense UnitNotSupported => new(0x05, 0x25, 0x00);

    public static Sense SavingNotSupported => new(0x05, 0x39, 0x00);

    public static Sense InvalidReleaseOfReservation => new(0x05, 0x26, 0x04);

    public static Sense InsufficientRegistrationResources => new(0x05, 0x55, 0x04);

    public static Sense InvalidFieldInUnit => new(0x05, 0x0e, 0x03);

    public static Sense WriteProtected => new(0x07, 0x27, 0x00);

    public static Sense SoftwareWriteProtected => new(0x07, 0x27, 0x02);

    public static Sense SpaceAllocationFailed => new(0x07, 0x27, 0x07);

    public static Sense UnrecoveredReadError => new(0x03, 0x11, 0x00);

    public static Sense WriteError => new(0x03, 0x0c, 0x00);

    public static Sense NotReadyCauseUnknown => new(0x02, 0x04, 0x00);

    public static Sense NotReadyManualIntervention => new(0x02, 0x04, 0x03);

    public static Sense CommandTimeout => new(0x0b, 0x2e, 0x02);

    public static Sense InternalFailure => new(0x04, 0x44, 0x00);

    public static Sense InsufficientResources => new(0x05, 0x55, 0x03);

    /// <summary>A message of the transport that is not offered: the task attribute ACA.</summary>
    public static Sense InvalidMessage => new(0x0b, 0x49, 0x00);

    public static Sense TooManyCopyTargets => new(0x05, 0x26, 0x06);

    public static Sense UnsupportedCopyTarget => new(0x05, 0x26, 0x07);

    public static Sense TooManyCopySegments => new(0x05, 0x26, 0x08);

    public static Sense UnsupportedCopySegment => new(0x05, 0x26, 0x09);

    public static Sense InexactCopySegment => new(0x0a, 0x26, 0x0a);

    public static Sense CopyTargetUnreachable => new(0x0a, 0x08, 0x04);

    public static Sense CopyAborted => new(0x0a, 0x00, 0x00);

    public static Sense ThirdPartyDeviceFailure => new(0x0a, 0x0d, 0x01);

    public static Sense OperationInProgress => new(0x05, 0x00, 0x16);

    public static Sense PathInStandby => new(0x02, 0x04, 0x0b);

    public static Sense PathUnavailable => new(0x02, 0x04, 0x0c);

    public static Sense PathInTransition => new(0x02, 0x04, 0x0a);

    public static Sense AccessStateChanged => new(0x06, 0x2a, 0x06);

    public static Sense AbortedNoInformation => new(0x0b, 0x00, 0x00);

    /// <summary>Data digest mismatch, RFC 7143 §11.4.7.2.</summary>
    public static Sense ProtocolServiceCrcError => new(0x0b, 0x47, 0x05);

    /// <summary>RFC 7143 §11.4.7.2.</summary>
    public static Sense UnexpectedUnsolicitedData => new(0x0b, 0x0c, 0x0c);

    /// <summary>RFC 7143 §11.4.7.2.</summary>
    public static Sense IncorrectAmountOfData => new(0x0b, 0x0c, 0x0d);

    public static Sense Miscompare(ulong offsetBytes) =>
        new Sense(0x0e, 0x1d, 0x00) with { HasInformation = true, Information = offsetBytes };

    public static Sense None => new(0x00, 0x00, 0x00);

    public static Sense PowerOn => new(0x06, 0x29, 0x00);

    public static Sense BusDeviceReset => new(0x06, 0x29, 0x03);

    public static Sense NexusLoss => new(0x06, 0x29, 0x07);

    public static Sense ModeParametersChanged => new(0x06, 0x2a, 0x01);

    public static Sense ReservationsPreempted => new(0x06, 0x2a, 0x03);

    public static Sense ReservationsReleased => new(0x06, 0x2a, 0x04);

    public static Sense RegistrationsPreempted => new(0x06, 0x2a, 0x05);

    public static Sense CapacityChanged => new(0x06, 0x2a, 0x09);

    public static Sense ThinProvisioningSoftThreshold => new(0x06, 0x38, 0x07);

    public static Sense CommandsCleared => new(0x06, 0x2f, 0x00);

    public static Sense ReportedLunsChanged => new(0x06, 0x3f, 0x0e);

    /// <summary>Writes the sense data and returns its length.</summary>
    public int Write(Span<byte> to, bool descriptorFormat)
    {
        to = to[..MaximumBytes];
        to.Clear();
        return descriptorFormat ? WriteDescriptors(to) : WriteFixed(to);
    }

    private int WriteFixed(Span<byte> to)
    {
        to[0] = 0x70;
        to[2] = Key;
        to[7] = 10;
        to[12] = Asc;
        to[13] = Ascq;
        if (HasInformation && Information <= uint.MaxValue)
        {
            to[0] |= 0x80;
            BinaryPrimitives.WriteUInt32BigEndian(to[3..], (uint)Information);
        }

        if (FieldByte >= 0) WriteFieldPointer(to[15..18]);
        return 18;
    }

    private int WriteDescriptors(Span<byte> to)
    {
        to[0] = 0x72;
        to[1] = Key;
        to[2] = Asc;
        to[3] = Ascq;
        int end = 8;
        if (HasInformation)
        {
            to[end + 1] = 0x0a;
            to[end + 2] = 0x80;
            BinaryPrimitives.WriteUInt64BigEndian(to[(end + 4)..], Information);
            end += 12;
        }

        if (FieldByte >= 0)
        {
            to[end] = 0x02;
            to[end + 1] = 0x06;
            WriteFieldPointer(to.Slice(end + 4, 3));
            end += 8;
        }

        to[7] = (byte)(end - 8);
        return end;
    }

    /// <summary>Sense-key-specific field pointer, SPC-4 §4.5.2.4.2.</summary>
    private void WriteFieldPointer(Span<byte> to)
    {
        to[0] = (byte)(0x80 | (FieldIsInCdb ? 0x40 : 0) | (FieldBit >= 0 ? 0x08 | FieldBit : 0));
        BinaryPrimitives.WriteUInt16BigEndian(to[1..], (ushort)FieldByte);
    }
}
