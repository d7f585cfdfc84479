using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cstor.Target.Replication;

/// <summary>
/// AES-256-GCM with the sequence as nonce: nobody without the key can read or forge a record.
/// </summary>
internal sealed class EncryptingSeal(byte[] key) : RecordSeal
{
    private const int NonceBytes = 12;

    private readonly AesGcm _key = new(key, Bytes);

    public override void Close(
        ulong sequence, ReadOnlySpan<byte> head, ReadOnlySpan<byte> secret, Span<byte> body, Span<byte> seal)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        _key.Encrypt(NonceOf(sequence, nonce), secret, body, seal, head);
    }

    public override bool TryOpen(
        ulong sequence, ReadOnlySpan<byte> head, Span<byte> body, ReadOnlySpan<byte> seal)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        try
        {
            _key.Decrypt(NonceOf(sequence, nonce), body, seal, body, head);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public override void Dispose() => _key.Dispose();

    private static Span<byte> NonceOf(ulong sequence, Span<byte> nonce)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, sequence);
        return nonce;
    }
}
