using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Cstor.PoolLayout;

/// <summary>A 128-bit checksum or content hash as it lies on disk: low half first, little-endian.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
public readonly record struct Hash128(ulong Low, ulong High)
{
    /// <summary>The content hash of a hole.</summary>
    public static readonly Hash128 Zero;

    public override string ToString() => $"{High:x16}{Low:x16}";

    /// <summary>Reads 16 bytes.</summary>
    public static Hash128 Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(source),
        BinaryPrimitives.ReadUInt64LittleEndian(source[8..]));

    /// <summary>Writes 16 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Low);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], High);
    }
}
