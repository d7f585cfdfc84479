namespace Cstor.Daemon.Api;

/// <summary>What to send; see <see cref="Engine.Streams.SendRequest"/>.</summary>
internal sealed record SendStreamRequest(
    string Pool, string Volume, string Snapshot, string? FromVolume, string? From, string? Resume);
