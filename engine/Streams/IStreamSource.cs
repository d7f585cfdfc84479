using Cstor.Engine.Host;

namespace Cstor.Engine.Streams;

/// <summary>Where a stream comes from: a pipe of the daemon, or memory in a test.</summary>
public interface IStreamSource
{
    /// <summary>
    /// Waits for bytes; completes on the loop. One call at a time; the memory must stay until it completes.
    /// </summary>
    /// <returns>How many came, 0 when no more will, whatever the reason.</returns>
    ValueTask<int> ReadAsync(IoSlice into);
}
