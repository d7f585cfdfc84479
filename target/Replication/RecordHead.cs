using System.Runtime.InteropServices;

namespace Cstor.Target.Replication;

/// <summary>
/// Head of a record, little-endian: what goes over a connection at once. The frames follow, and a seal over
/// the whole (<see cref="RecordSeal"/>). With the sequence, which counts from 0, a record that is damaged,
/// repeated or left out does not pass; nor does one that is forged, where the connection encrypts.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct RecordHead
{
    public const int Bytes = 24;

    public const ushort CurrentVersion = 3;

    public const uint MagicValue = 0x50525343;

    /// <summary>Longest body: one frame with the longest payload.</summary>
    public const int MaximumBodyBytes = Frame.Bytes + Frame.MaximumPayloadBytes;

    /// <summary>Longest record, with its seal.</summary>
    public const int MaximumBytes = Bytes + MaximumBodyBytes + RecordSeal.Bytes;

    [FieldOffset(0)] public uint Magic;

    [FieldOffset(4)] public ushort Version;

    [FieldOffset(8)] public int BodyBytes;

    /// <summary>So much of the body is not encrypted: the head of the only frame, or nothing.</summary>
    [FieldOffset(12)] public int ClearBytes;

    [FieldOffset(16)] public ulong Sequence;

    /// <summary>Bytes of the whole record.</summary>
    public readonly int TotalBytes => Bytes + BodyBytes + RecordSeal.Bytes;

    /// <summary>Completes a record whose body stands in it, or will by this.</summary>
    /// <param name="record">The whole record.</param>
    /// <param name="secret">
    /// What is to stand behind the bytes that are not encrypted; may be that part of the record itself.
    /// </param>
    /// <param name="seal">The connection's, for this direction.</param>
    public void Close(Span<byte> record, ReadOnlySpan<byte> secret, RecordSeal seal)
    {
        Magic = MagicValue;
        Version = CurrentVersion;
        MemoryMarshal.Write(record, in this);
        Span<byte> head = record[..(Bytes + ClearBytes)];
        Span<byte> body = record.Slice(head.Length, secret.Length);
        seal.Close(
            Sequence, head, secret, body, record.Slice(TotalBytes - RecordSeal.Bytes, RecordSeal.Bytes));
    }

    /// <summary>Reason why a head cannot be right, before the body is there; or null.</summary>
    public readonly string? Validate()
    {
        if (Magic != MagicValue) return "what came is no record";
        if (Version != CurrentVersion) return $"the peer speaks version {Version}, this is {CurrentVersion}";
        return BodyBytes is < Frame.Bytes or > MaximumBodyBytes || ClearBytes is not (0 or Frame.Bytes)
            ? $"a record of {BodyBytes} bytes, {ClearBytes} of them clear"
            : null;
    }

    /// <summary>Decrypts a whole record where it is; false if its seal does not hold.</summary>
    public readonly bool TryOpen(Span<byte> record, RecordSeal seal)
    {
        Span<byte> head = record[..(Bytes + ClearBytes)];
        Span<byte> body = record[head.Length..(TotalBytes - RecordSeal.Bytes)];
        return seal.TryOpen(
            Sequence, head, body, record.Slice(TotalBytes - RecordSeal.Bytes, RecordSeal.Bytes));
    }
}
