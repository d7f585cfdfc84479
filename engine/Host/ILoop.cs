using System.Diagnostics.CodeAnalysis;

namespace Cstor.Engine.Host;

/// <summary>
/// The seam to the machine: one thread (or, in the simulator, one virtual thread) that runs completions one
/// at a time. Every object of the engine and the target belongs to exactly one loop and is touched only
/// there; awaits continue inline on it. All members but <see cref="Post"/> are called on the loop's own
/// thread.
/// </summary>
public interface ILoop
{
    /// <summary>Monotonic clock, nanoseconds from an arbitrary start.</summary>
    long NowNanoseconds { get; }

    /// <summary>
    /// The clock when this turn began to run what had completed: one look for all of it. When a transfer
    /// ended, without what was run since; what a turn itself takes is to be measured by <see
    /// cref="NowNanoseconds"/>.
    /// </summary>
    long TurnNanoseconds { get; }

    /// <summary>Wall clock, for records that people read; never for ordering or timeouts.</summary>
    DateTimeOffset UtcNow { get; }

    /// <summary>Pooled, aligned memory for I/O on this loop.</summary>
    BufferPool Buffers { get; }

    /// <summary>Memory for caches, and how much of it there is.</summary>
    IMemory Memory { get; }

    /// <summary>The disks of this machine.</summary>
    IDisks Disks { get; }

    /// <summary>The network of this machine.</summary>
    INetwork Network { get; }

    /// <summary>
    /// Fills with random bytes: the system's cryptographic generator, or the simulator's seed.
    /// </summary>
    void FillRandom(Span<byte> destination);

    /// <summary>
    /// Runs an action on the loop, soon, in order of posting. The only member callable from any thread.
    /// </summary>
    void Post(Action action);

    /// <summary>
    /// Runs a callback once at the end of the current turn, after all completions at hand were handled and
    /// before the loop submits and waits: the place where batches are closed. A callback may defer again.
    /// </summary>
    void Defer(ITurnEnd callback);

    /// <summary>A reusable one-shot timer, stopped at first.</summary>
    ILoopTimer CreateTimer(Action callback);

    /// <summary>Completes after the given time.</summary>
    ValueTask DelayAsync(long nanoseconds);

    /// <summary>
    /// Runs pure computation on a worker thread; completes on this loop. Worth it above some 100 us of
    /// work.
    /// </summary>
    ValueTask OffloadAsync(IOffloadedWork work);
}

/// <summary>Something to do at the end of a turn; see <see cref="ILoop.Defer"/>.</summary>
public interface ITurnEnd
{
    void OnTurnEnd();
}

/// <summary>Pure computation on memory that nobody else touches meanwhile.</summary>
[SuppressMessage("Naming", "CA1711", Justification = "It is work, not a stream.")]
public interface IOffloadedWork
{
    void Execute();
}

/// <summary>A reusable one-shot timer of a loop.</summary>
public interface ILoopTimer
{
    /// <summary>(Re)arms: the callback runs once, that many nanoseconds from now.</summary>
    void Start(long nanoseconds);

    /// <summary>Disarms; harmless if not armed.</summary>
    void Stop();
}
