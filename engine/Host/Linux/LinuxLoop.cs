using System.Diagnostics;
using System.Runtime.CompilerServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A thread with one io_uring for disks and sockets alike. A turn: run the completions at hand, what other
/// threads sent, the timers that are due, then the callbacks deferred to the turn's end; hand what was queued
/// to the kernel and sleep there until there is something to do. The sleep carries the next timer's deadline,
/// so timers cost no system call, and an idle loop no turns.
/// </summary>
public sealed class LinuxLoop : ILoop, IDisposable
{
    private const int RingEntries = 512;
    private const int CompletionEntries = 8192;
    private const int BlockingThreadLimit = 64;
    private const int DeferRoundLimit = 64;
    private const long DrainNanoseconds = 5_000_000_000;

    private readonly LinuxLoopOptions _options;
    private readonly Thread _thread;
    private readonly Mailbox _mailbox;
    private readonly WakeOperation _wake;
    private readonly LinuxDisks _disks;
    private readonly WorkerPool _workers;
    private readonly WorkerPool _blocking;
    private readonly Stack<DelayOperation> _delays = new();
    private readonly Stack<OffloadOperation> _offloads = new();
    private readonly HashSet<IInvocation> _invocations = [];
    private readonly TaskCompletionSource<Fault?> _started = new();
    private List<ITurnEnd> _deferred = new(64);
    private List<ITurnEnd> _ending = new(64);
    private Ring? _ring;
    private Exception? _failure;
    private long _turns;
    private volatile bool _stopRequested;

    private LinuxLoop(LinuxLoopOptions options, int wakeFile)
    {
        _options = options;
        _wake = new WakeOperation(this, wakeFile);
        _mailbox = new Mailbox(wakeFile);
        int spareProcessors = Math.Max(1, Environment.ProcessorCount - 1);
        int workers = options.WorkerCount > 0 ? options.WorkerCount : spareProcessors;
        _workers = new WorkerPool("cstor-worker", workers);
        _blocking = new WorkerPool("cstor-blocking", BlockingThreadLimit);
        Buffers = new BufferPool(options.BufferLimitBytes, Libc.AdviseHugePages);
        Memory = new LinuxMemory(this);
        _disks = new LinuxDisks(this);
        Network = new LinuxNetwork(this);
        _thread = new Thread(ThreadMain) { Name = options.Name, IsBackground = true };
    }

    /// <inheritdoc/>
    /// <remarks>The runtime's time stamps are CLOCK_MONOTONIC in nanoseconds on Linux; checked at
    /// start.</remarks>
    public long NowNanoseconds => Stopwatch.GetTimestamp();

    public long TurnNanoseconds { get; private set; }

    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;

    public BufferPool Buffers { get; }

    public IMemory Memory { get; }

    public IDisks Disks => _disks;

    public INetwork Network { get; }

    /// <summary>Turns so far; an idle loop makes none.</summary>
    public long TurnCount => Volatile.Read(ref _turns);

    /// <summary>
    /// The loop is about to end: requests are answered at once as if their file were closed.
    /// </summary>
    internal bool IsStopping => _stopRequested;

    internal TimerHeap Timers { get; } = new();

    internal Ring Ring
    {
        get
        {
            Check.That(_ring is not null);
            return _ring;
        }
    }

    /// <summary>Starts a loop on a thread of its own.</summary>
    /// <returns>The running loop, or why io_uring cannot be used and what to allow.</returns>
    public static Outcome<LinuxLoop> Start(LinuxLoopOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check.That(Stopwatch.Frequency == 1_000_000_000);
        // The runtime does it too, but not when compiled ahead of time.
        Libc.RaiseOpenFilesLimit();
        int wakeFile = Libc.EventCreate();
        if (wakeFile < 0) return RingFaults.ForSetup(-wakeFile, null);
        var loop = new LinuxLoop(options, wakeFile);
        loop._thread.Start();
        Fault? fault = loop._started.Task.GetAwaiter().GetResult();
        if (fault is null) return loop;
        loop._thread.Join();
        _ = Libc.Close(wakeFile);
        return fault;
    }

    public void FillRandom(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int count = Libc.FillRandom(destination[..Math.Min(destination.Length, 256)]);
            if (count == -Abi.Errno.EINTR) continue;
            Check.That(count > 0);
            destination = destination[count..];
        }
    }

    public void Post(Action action) => _mailbox.Put(action);

    public void Defer(ITurnEnd callback) => _deferred.Add(callback);

    public ILoopTimer CreateTimer(Action callback) => new LoopTimer(this, callback);

    public ValueTask DelayAsync(long nanoseconds)
    {
        if (!_delays.TryPop(out DelayOperation? delay)) delay = new DelayOperation(_delays);
        Timers.Add(delay, DeadlineAfter(nanoseconds));
        return delay.Task;
    }

    public ValueTask OffloadAsync(IOffloadedWork work) => OffloadTo(_workers, work);

    /// <summary>
    /// Runs a function on the loop and gives its result to another thread: how administration reaches the
    /// loop's objects.
    /// </summary>
    /// <returns>A task that ends with the function's result or exception; with <see
    /// cref="ObjectDisposedException"/> if the loop ended first.</returns>
    public Task<T> InvokeAsync<T>(Func<ValueTask<T>> function)
    {
        var invocation = new Invocation<T>(this, function);
        lock (_invocations) _invocations.Add(invocation);
        if (!_mailbox.Put(invocation)) AbandonInvocations();
        return invocation.Task;
    }

    /// <summary>
    /// Ends the loop, from any thread: I/O under way is cancelled and awaited for a few seconds. Close pools
    /// and connections before.
    /// </summary>
    public void Stop() => _mailbox.Put((Action)(() => _stopRequested = true));

    /// <summary>Waits for the end of the loop's thread.</summary>
    public void Join()
    {
        Check.That(Thread.CurrentThread != _thread);
        _thread.Join();
    }

    /// <summary>Stops and joins.</summary>
    public void Dispose()
    {
        Stop();
        Join();
    }

    internal void Send(ILoopMessage message) => _mailbox.Put(message);

    /// <summary>Runs a function that may block on a thread for that.</summary>
    internal async ValueTask<T> RunBlockingAsync<T>(Func<T> function)
    {
        var call = new BlockingCall<T>(function);
        await OffloadTo(_blocking, call);
        return call.Result;
    }

    internal long DeadlineAfter(long nanoseconds)
    {
        long now = NowNanoseconds;
        return nanoseconds <= 0 ? now : nanoseconds > long.MaxValue - now ? long.MaxValue : now + nanoseconds;
    }

    /// <summary>
    /// Ends the loop because of a bug; the fatal handler is called when the current callback returns.
    /// </summary>
    internal void Fail(Exception exception) => _failure ??= exception;

    internal void Forget(IInvocation invocation)
    {
        lock (_invocations) _invocations.Remove(invocation);
    }

    private ValueTask OffloadTo(WorkerPool workers, IOffloadedWork work)
    {
        if (!_offloads.TryPop(out OffloadOperation? operation))
            operation = new OffloadOperation(this, _offloads);
        return operation.Start(work, workers);
    }

    private void ThreadMain()
    {
        Outcome<Ring> ring = Ring.Create(RingEntries, CompletionEntries);
        if (!ring.IsOk)
        {
            _started.SetResult(ring.Fault);
            return;
        }

        _ring = ring.Value;
        _ring.Attach(_wake);
        _wake.Arm();
        _started.SetResult(null);
        bool drained = false;
        try
        {
            drained = Run();
        }
        catch (Exception exception)
        {
            _failure ??= exception;
        }

        End(drained);
    }

    /// <returns>Everything under way has ended, so that its memory may be freed.</returns>
    private bool Run()
    {
        while (!_stopRequested)
        {
            RunTurn();
            if (_failure is not null) return false;
            Wait(-1);
        }

        return Drain();
    }

    private void RunTurn()
    {
        Volatile.Write(ref _turns, _turns + 1);
        TurnNanoseconds = NowNanoseconds;
        Ring.RunCompletions();
        if (_mailbox.HasMail) _mailbox.Deliver();
        RunTimers();
        RunDeferred();
    }

    private void RunTimers()
    {
        // A timer that falls due during the turn runs in the next one, which follows without sleeping.
        while (Timers.First is { } entry && entry.DeadlineNanoseconds <= TurnNanoseconds)
        {
            Timers.Remove(entry);
            entry.Fire();
        }
    }

    /// <summary>Bounded: callbacks that defer for ever share the loop with completions.</summary>
    private void RunDeferred()
    {
        for (int round = 0; round < DeferRoundLimit && _deferred.Count > 0; round++)
        {
            (_deferred, _ending) = (_ending, _deferred);
            foreach (ITurnEnd callback in _ending) callback.OnTurnEnd();
            _ending.Clear();
        }
    }

    private void Wait(long limitNanoseconds)
    {
        if (Ring.HasCompletions || _mailbox.HasMail || _deferred.Count > 0 || _stopRequested)
        {
            // Also fetches what the kernel holds back, so that a busy mailbox does not starve the disks.
            if (!Ring.HasCompletions || Ring.QueuedCount > 0) Ring.Submit(getEvents: true);
            return;
        }

        if (_options.SpinMicroseconds > 0 && Spin()) return;
        long timeout = limitNanoseconds;
        if (Timers.First is { } entry)
        {
            long untilTimer = Math.Max(0, entry.DeadlineNanoseconds - NowNanoseconds);
            timeout = timeout < 0 ? untilTimer : Math.Min(timeout, untilTimer);
        }

        if (!_mailbox.TrySleep())
        {
            Ring.Submit(getEvents: true);
            return;
        }

        Ring.SubmitAndWait(timeout);
        _mailbox.Awake();
    }

    /// <summary>Polls for a while.</summary>
    /// <returns>There is something to do.</returns>
    private bool Spin()
    {
        Ring.Submit(getEvents: true);
        long end = NowNanoseconds + _options.SpinMicroseconds * 1000L;
        while (!Ring.HasCompletions && !_mailbox.HasMail)
        {
            long now = NowNanoseconds;
            if (now >= end) return false;
            if (Timers.First is { } entry && entry.DeadlineNanoseconds <= now) return true;
            if (Ring.HasHeldCompletions) Ring.Submit(getEvents: true);
            else Thread.SpinWait(10);
        }

        return true;
    }

    private bool Drain()
    {
        var cancel = new IgnoredOperation();
        Ring.Attach(cancel);
        Ring.CancelAll(cancel);
        long end = NowNanoseconds + DrainNanoseconds;
        while (Ring.InFlightCount > 0 && NowNanoseconds < end)
        {
            Ring.SubmitAndWait(100_000_000);
            RunTurn();
        }

        return Ring.InFlightCount == 0;
    }

    private void End(bool drained)
    {
        _mailbox.Close();
        _workers.Stop();
        _blocking.Stop();
        // With I/O still under way the kernel may yet write to our memory: better leaked than reused.
        _ring!.Dispose();
        if (drained)
        {
            _disks.Free();
            Buffers.Dispose();
            _wake.Dispose();
        }

        AbandonInvocations();
        if (_failure is null) return;
        if (_options.OnFatal is null) Environment.FailFast($"{_options.Name}: {_failure.Message}", _failure);
        _options.OnFatal(_failure);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AbandonInvocations()
    {
        IInvocation[] left;
        lock (_invocations)
        {
            left = [.. _invocations];
            _invocations.Clear();
        }

        Exception reason = _failure ?? new ObjectDisposedException(_options.Name);
        foreach (IInvocation invocation in left) invocation.Abandon(reason);
    }
}
