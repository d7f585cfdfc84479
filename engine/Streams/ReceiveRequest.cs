namespace Cstor.Engine.Streams;

/// <summary>Where a stream is to be received.</summary>
/// <param name="Volume">Without the pool's name.</param>
/// <param name="Force">
/// Undo what changed since the snapshot that the stream goes on from, later snapshots included.
/// </param>
public sealed record ReceiveRequest(string Volume, bool Force)
{
    /// <summary>Is told how far the transfer is.</summary>
    public TransferProgress Progress { get; init; } = new();
}
