using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>
/// What an administrator can ask of a running daemon about streams. Called from any thread; a transfer goes
/// on for as long as the other side keeps its end of the frames.
/// </summary>
internal interface IStreamAdministration
{
    /// <summary>Writes a snapshot as a stream into the frames.</summary>
    Task<Outcome<ActionReport>> SendAsync(
        SendStreamRequest request, StreamFrames frames, CancellationToken gone);

    /// <summary>Says how long the stream would be.</summary>
    Task<Outcome<ActionReport>> EstimateAsync(SendStreamRequest request);

    /// <summary>Reads a stream from the frames into a volume.</summary>
    Task<Outcome<ActionReport>> ReceiveAsync(string pool, string volume, bool force, StreamFrames frames);

    /// <summary>Gives up a stream that broke off.</summary>
    Task<Outcome<ActionReport>> AbortReceiveAsync(string pool, string volume);
}
