using System.Runtime.InteropServices;

namespace Cstor.Target.Replication;

/// <summary>
/// Head of everything that peers send each other, little-endian; the payload follows. Frames travel in
/// records (<see cref="RecordHead"/>), one or several in each.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct Frame
{
    public const int Bytes = 72;

    /// <summary>Longest payload.</summary>
    public const int MaximumPayloadBytes = 256 * 1024;

    [FieldOffset(0)] public FrameKind Kind;

    /// <summary>See the kind; for answers an I/O status.</summary>
    [FieldOffset(1)] public byte Status;

    [FieldOffset(4)] public int PayloadBytes;

    /// <summary>Tree level of a hash request, flags, or the number of the reservations.</summary>
    [FieldOffset(8)] public int Level;

    /// <summary>Whose replicas this is about.</summary>
    [FieldOffset(16)] public Guid Group;

    /// <summary>Lease epoch.</summary>
    [FieldOffset(32)] public ulong Epoch;

    /// <summary>Number of an entry, or a configuration's version.</summary>
    [FieldOffset(40)] public ulong Index;

    [FieldOffset(48)] public long Offset;

    [FieldOffset(56)] public long Length;

    /// <summary>Pairs an answer with its question.</summary>
    [FieldOffset(64)] public ulong Request;

    /// <summary>Reason why a head cannot be right, or null.</summary>
    public readonly string? Validate()
    {
        if (PayloadBytes is < 0 or > MaximumPayloadBytes) return $"a payload of {PayloadBytes} bytes";
        return Enum.IsDefined(Kind) ? null : $"unknown kind of frame {(byte)Kind}";
    }
}
