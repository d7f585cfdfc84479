using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Head of everything that peers send each other, little-endian; the payload follows. The seal is a keyed
/// hash (HMAC-SHA-256, its first half) of head and payload under a key of this connection and direction, and
/// the sequence counts from 0: so a frame that is damaged, repeated, left out or forged does not pass.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct Frame
{
    public const int Bytes = 96;

    public const ushort CurrentVersion = 1;

    /// <summary>Longest payload.</summary>
    public const int MaximumPayloadBytes = 256 * 1024;

    public const uint MagicValue = 0x50525343;

    private const int SealOffset = 80;

    [FieldOffset(0)] public uint Magic;

    [FieldOffset(4)] public ushort Version;

    [FieldOffset(6)] public FrameKind Kind;

    /// <summary>See the kind; for answers an I/O status.</summary>
    [FieldOffset(7)] public byte Status;

    [FieldOffset(8)] public int PayloadBytes;

    /// <summary>Tree level of a hash request, or flags.</summary>
    [FieldOffset(12)] public int Level;

    [FieldOffset(16)] public ulong Sequence;

    /// <summary>Whose replicas this is about.</summary>
    [FieldOffset(24)] public Guid Group;

    /// <summary>Lease epoch.</summary>
    [FieldOffset(40)] public ulong Epoch;

    /// <summary>Number of an entry, or a configuration's version.</summary>
    [FieldOffset(48)] public ulong Index;

    [FieldOffset(56)] public long Offset;

    [FieldOffset(64)] public long Length;

    /// <summary>Pairs an answer with its question.</summary>
    [FieldOffset(72)] public ulong Request;

    [FieldOffset(SealOffset)] public Hash128 Seal;

    /// <summary>Writes head and payload with their seal.</summary>
    public void Write(Span<byte> into, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> key)
    {
        Magic = MagicValue;
        Version = CurrentVersion;
        PayloadBytes = payload.Length;
        Seal = Hash128.Zero;
        MemoryMarshal.Write(into, in this);
        payload.CopyTo(into[Bytes..]);
        SealOf(into[..(Bytes + payload.Length)], key).Write(into[SealOffset..]);
    }

    /// <summary>Reason why a head cannot be right, before its payload is there; or null.</summary>
    public readonly string? Validate()
    {
        if (Magic != MagicValue) return "what came is no frame";
        if (Version != CurrentVersion) return $"the peer speaks version {Version}, this is {CurrentVersion}";
        if (PayloadBytes is < 0 or > MaximumPayloadBytes) return $"a payload of {PayloadBytes} bytes";
        return Enum.IsDefined(Kind) ? null : $"unknown kind of frame {(byte)Kind}";
    }

    /// <summary>Whether the seal of a whole frame holds.</summary>
    public static bool SealHolds(Span<byte> frame, ReadOnlySpan<byte> key)
    {
        Hash128 seal = Hash128.Read(frame[SealOffset..]);
        Hash128.Zero.Write(frame[SealOffset..]);
        return SealOf(frame, key) == seal;
    }

    private static Hash128 SealOf(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, frame, hash);
        return Hash128.Read(hash);
    }
}
