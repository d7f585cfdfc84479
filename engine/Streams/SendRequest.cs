namespace Cstor.Engine.Streams;

/// <summary>What to send.</summary>
/// <param name="Volume">Its volume, without the pool's name.</param>
/// <param name="Snapshot">Its name within the volume.</param>
public sealed record SendRequest(string Volume, string Snapshot)
{
    /// <summary>Snapshot that the receiver has, or null to send everything.</summary>
    public string? From { get; init; }

    /// <summary>Volume of <see cref="From"/>, if that is another: the origin of a clone.</summary>
    public string? FromVolume { get; init; }

    /// <summary>
    /// What the receiver says of a transfer that broke off, or null. It says from which snapshot, too.
    /// </summary>
    public string? Resume { get; init; }

    /// <summary>Is told how far the transfer is.</summary>
    public TransferProgress Progress { get; init; } = new();
}
