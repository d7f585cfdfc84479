using Cstor.Engine.Host;

namespace Cstor.Engine.Streams;

/// <summary>
/// Lets a pool close while transfers wait for their other side, perhaps for ever: those that wait are
/// outside, and when they come back in they find that it is closed and touch nothing of the pool.
/// </summary>
internal sealed class StreamGate(ILoop loop)
{
    private const long PauseNanoseconds = 1_000_000;

    private int _inside;

    public bool IsClosed { get; private set; }

    /// <summary>Begins something that uses the pool.</summary>
    /// <returns>False when the pool is closed; to be left all the same.</returns>
    public bool Enter()
    {
        _inside++;
        return !IsClosed;
    }

    /// <summary>Ends it.</summary>
    public void Leave() => _inside--;

    /// <summary>Completes when nothing uses the pool.</summary>
    public async ValueTask CloseAsync()
    {
        IsClosed = true;
        while (_inside > 0) await loop.DelayAsync(PauseNanoseconds);
    }
}
