using Cstor.Engine.Host;

namespace Cstor.Engine.Streams;

/// <summary>Where a stream goes: a pipe of the daemon, or memory in a test.</summary>
public interface IStreamSink
{
    /// <summary>
    /// Takes bytes; completes, on the loop, when their memory may be used again and more are wanted. One
    /// call at a time.
    /// </summary>
    /// <returns><see cref="IoStatus.Closed"/> when nobody reads any more.</returns>
    ValueTask<IoStatus> WriteAsync(IoSlice from);
}
