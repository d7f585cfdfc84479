namespace Cstor.Target.Replication;

/// <summary>
/// What tells that a record is the one that was sent, one for each direction of a connection.
/// </summary>
internal abstract class RecordSeal : IDisposable
{
    /// <summary>Bytes of a seal.</summary>
    public const int Bytes = 16;

    /// <summary>Writes the body that others are to see, and the seal over it and the head.</summary>
    /// <param name="sequence">Never twice the same.</param>
    /// <param name="head">Stands there already, and stays as it is.</param>
    /// <param name="secret">What the body is; may be where <paramref name="body"/> is.</param>
    /// <param name="body">As long as the secret.</param>
    /// <param name="seal">Bytes of the seal.</param>
    public abstract void Close(
        ulong sequence, ReadOnlySpan<byte> head, ReadOnlySpan<byte> secret, Span<byte> body,
        Span<byte> seal);

    /// <summary>Makes the body what it was before; false if the seal does not hold.</summary>
    public abstract bool TryOpen(
        ulong sequence, ReadOnlySpan<byte> head, Span<byte> body, ReadOnlySpan<byte> seal);

    public abstract void Dispose();
}
