using System.Buffers.Binary;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Target.Replication;

/// <summary>
/// XXH128 of the body and then of the head, the body's hash and a number that belongs to this direction of
/// this connection. Finds damage and what strayed in from elsewhere; keeps out nobody who means harm.
/// </summary>
internal sealed class ChecksumSeal(byte[] key) : RecordSeal
{
    private const int MaximumHeadBytes = RecordHead.Bytes + Frame.Bytes;

    private readonly ulong _number = key.Length == 0 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(key);

    /// <summary>Of a connection without keys so far.</summary>
    public static ChecksumSeal WithoutKey() => new([]);

    public override void Close(
        ulong sequence, ReadOnlySpan<byte> head, ReadOnlySpan<byte> secret, Span<byte> body, Span<byte> seal)
    {
        secret.CopyTo(body);
        HashOf(head, body).Write(seal);
    }

    public override bool TryOpen(
        ulong sequence, ReadOnlySpan<byte> head, Span<byte> body, ReadOnlySpan<byte> seal) =>
        HashOf(head, body) == Hash128.Read(seal);

    public override void Dispose()
    {
    }

    private Hash128 HashOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        Span<byte> all = stackalloc byte[MaximumHeadBytes + Bytes + sizeof(ulong)];
        head.CopyTo(all);
        Span<byte> rest = all[head.Length..];
        Xxh128.Compute(body).Write(rest);
        BinaryPrimitives.WriteUInt64LittleEndian(rest[Bytes..], _number);
        return Xxh128.Compute(all[..(head.Length + Bytes + sizeof(ulong))]);
    }
}
