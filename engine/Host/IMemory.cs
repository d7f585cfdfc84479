namespace Cstor.Engine.Host;

/// <summary>
/// Memory that comes and goes while the process runs: where caches get theirs, so that giving it up really
/// returns it to the system, and where they learn when to. Pooled memory for I/O is <see cref="BufferPool"/>.
/// </summary>
public interface IMemory
{
    /// <summary>Address space that takes memory when it is touched.</summary>
    /// <param name="lengthBytes">A power of two, at least a page; the address is a multiple of it.</param>
    /// <returns>The address, or 0 when the system gives no more.</returns>
    nint Take(int lengthBytes);

    /// <summary>Gives back what <see cref="Take"/> gave; its pages are the system's at once.</summary>
    void GiveBack(nint address, int lengthBytes);

    /// <summary>What there is and what is left. Takes a moment: for a timer, not for a request.</summary>
    ValueTask<MemoryLevel> MeasureAsync();
}
