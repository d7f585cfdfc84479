using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Head of everything that peers send each other, little-endian; the payload follows. Both are sealed and the
/// payload is encrypted by AES-256-GCM under a key of this connection and direction, with the sequence, which
/// counts from 0, as nonce: a frame that is damaged, repeated, left out or forged does not pass. Frames
/// before the keys are known carry a plain hash instead, against damage alone.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct Frame
{
    public const int Bytes = 96;

    public const ushort CurrentVersion = 3;

    /// <summary>Longest payload.</summary>
    public const int MaximumPayloadBytes = 256 * 1024;

    public const uint MagicValue = 0x50525343;

    public const int SealBytes = 16;

    private const int SealOffset = 80;
    private const int NonceBytes = 12;

    [FieldOffset(0)] public uint Magic;

    [FieldOffset(4)] public ushort Version;

    [FieldOffset(6)] public FrameKind Kind;

    /// <summary>See the kind; for answers an I/O status.</summary>
    [FieldOffset(7)] public byte Status;

    [FieldOffset(8)] public int PayloadBytes;

    /// <summary>Tree level of a hash request, flags, or the number of the reservations.</summary>
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

    /// <summary>Writes head and payload, sealed; encrypted where there is a key.</summary>
    public void Write(Span<byte> into, ReadOnlySpan<byte> payload, AesGcm? key)
    {
        Magic = MagicValue;
        Version = CurrentVersion;
        PayloadBytes = payload.Length;
        Seal = Hash128.Zero;
        MemoryMarshal.Write(into, in this);
        Span<byte> head = into[..SealOffset];
        Span<byte> seal = into[SealOffset..Bytes];
        Span<byte> body = into.Slice(Bytes, payload.Length);
        if (key is not null)
        {
            Span<byte> nonce = stackalloc byte[NonceBytes];
            key.Encrypt(NonceOf(Sequence, nonce), payload, body, seal, head);
            return;
        }

        payload.CopyTo(body);
        PlainSealOf(head, body).Write(seal);
    }

    /// <summary>Reason why a head cannot be right, before its payload is there; or null.</summary>
    public readonly string? Validate()
    {
        if (Magic != MagicValue) return "what came is no frame";
        if (Version != CurrentVersion) return $"the peer speaks version {Version}, this is {CurrentVersion}";
        if (PayloadBytes is < 0 or > MaximumPayloadBytes) return $"a payload of {PayloadBytes} bytes";
        return Enum.IsDefined(Kind) ? null : $"unknown kind of frame {(byte)Kind}";
    }

    /// <summary>Decrypts a whole frame where it is; false if its seal does not hold.</summary>
    public static bool TryOpen(Span<byte> frame, AesGcm? key)
    {
        Span<byte> head = frame[..SealOffset];
        Span<byte> seal = frame[SealOffset..Bytes];
        Span<byte> body = frame[Bytes..];
        if (key is null) return PlainSealOf(head, body) == Hash128.Read(seal);
        Span<byte> nonce = stackalloc byte[NonceBytes];
        ulong sequence = MemoryMarshal.Read<Frame>(frame).Sequence;
        try
        {
            key.Decrypt(NonceOf(sequence, nonce), body, seal, body, head);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private static Span<byte> NonceOf(ulong sequence, Span<byte> nonce)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, sequence);
        return nonce;
    }

    private static Hash128 PlainSealOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        Span<byte> both = stackalloc byte[2 * SHA256.HashSizeInBytes];
        SHA256.HashData(head, both);
        SHA256.HashData(body, both[SHA256.HashSizeInBytes..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(both, hash);
        return Hash128.Read(hash);
    }
}
