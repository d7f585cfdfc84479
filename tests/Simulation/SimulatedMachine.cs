// The simulated world: virtual time, one event queue, one thread. Everything that the real host leaves to
// chance is drawn from the seed: latencies, the order of completions at one instant, what a power cut leaves
// on the disks. The same seed gives the same run, event by event (TraceHash), so a failure is replayed by its
// seed alone.
//
// Events at one instant that belong to one loop form a turn, as completions at hand do on a ring; deferred
// callbacks run at its end. A node that died never runs again: its events are dropped, whatever was awaiting
// stays unfinished for ever.
using System.Runtime.ExceptionServices;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedMachine : IDisposable
{
    private const int KeptFrames = 10;

    [ThreadStatic]
    private static SimulatedMachine? t_running;

    private readonly PriorityQueue<SimulatedEvent, (long Time, ulong Tie)> _queue = new();
    private readonly SimulatedRandom _schedule;
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<SimulatedLoop> _loops = [];
    private readonly List<SimulatedEvent> _batch = [];
    private Exception? _failure;

    static SimulatedMachine() => AppDomain.CurrentDomain.FirstChanceException += OnFirstChance;

    public SimulatedMachine(ulong seed)
    {
        Seed = seed;
        _schedule = SimulatedRandom.For(seed, "schedule");
        Links = new SimulatedLinks(this);
    }

    public ulong Seed { get; }

    /// <summary>Virtual time since the world began.</summary>
    public long NowNanoseconds { get; private set; }

    /// <summary>Events run so far.</summary>
    public long EventCount { get; private set; }

    /// <summary>A hash over every event, disk request and its payload: equal for equal runs.</summary>
    public ulong TraceHash { get; private set; } = 1;

    /// <summary>Bound on the events of one <see cref="Run(SimulatedLoop, Func{ValueTask})"/>.</summary>
    public long MaximumEvents { get; set; } = 20_000_000;

    /// <summary>Bound on the virtual time of one run.</summary>
    public long MaximumNanoseconds { get; set; } = 3600L * 1_000_000_000;

    /// <summary>
    /// Set by a test that provokes a failed check: otherwise the first one thrown anywhere ends the run, even
    /// if some task swallows it, because in the daemon it would end the process.
    /// </summary>
    public bool AllowsFailedChecks { get; set; }

    /// <summary>Set by a test that plays several nodes in one task.</summary>
    public bool AllowsForeignLoops { get; set; }

    /// <summary>The links between the nodes.</summary>
    public SimulatedLinks Links { get; }

    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    /// <summary>The loop whose turn it is, if any.</summary>
    internal SimulatedLoop? CurrentLoop { get; private set; }

    internal SimulatedRandom Schedule => _schedule;

    /// <summary>A computer: disks that outlive its crashes, an address, and loops.</summary>
    public SimulatedNode AddNode(string name)
    {
        Check.That(_nodes.TrueForAll(node => node.Name != name));
        SimulatedNode node = new(this, name, _nodes.Count + 1);
        _nodes.Add(node);
        return node;
    }

    /// <summary>
    /// Drives the world until the task, begun on the loop, has completed. Another world may be driven
    /// meanwhile, from
    /// within an event of this one.
    /// </summary>
    /// <exception cref="SimulationException">
    /// The task or a check failed, nothing is left to happen, or a bound is exceeded. The message names the
    /// seed.
    /// </exception>
    public RunEnd Run(SimulatedLoop loop, Func<ValueTask> body)
    {
        RunningTask task = new();
        At(0, loop, "run", () => _ = task.ObserveAsync(body));
        DriveUntil(() => task.IsDone || loop.IsDead);
        if (task.Error is not null) throw Failed(task.Error.Message, task.Error);
        return task.IsDone ? RunEnd.Completed : RunEnd.NodeDied;
    }

    /// <summary>
    /// As <see cref="Run(SimulatedLoop, Func{ValueTask})"/>, for a task with a value, which must complete.
    /// </summary>
    public T Run<T>(SimulatedLoop loop, Func<ValueTask<T>> body)
    {
        T? result = default;
        RunEnd end = Run(loop, async () =>
        {
            result = await body();
        });
        if (end != RunEnd.Completed) throw Failed("the node died before the task completed");
        return result!;
    }

    /// <summary>Lets the given virtual time pass.</summary>
    public void RunFor(long nanoseconds)
    {
        long until = NowNanoseconds + nanoseconds;
        bool isOver = false;
        At(nanoseconds, null, "pause", () => isOver = true);
        DriveUntil(() => isOver);
        Check.That(NowNanoseconds == until);
    }

    /// <summary>A failure of this run, with the seed in its message.</summary>
    public SimulationException Failed(string message, Exception? inner = null)
    {
        string text = $"seed {Seed}, event {EventCount}, {NowNanoseconds} ns: {message}";
        return inner is null ? new SimulationException(text) : new SimulationException(text, inner);
    }

    public void Dispose()
    {
        foreach (SimulatedLoop loop in _loops)
        {
            loop.Buffers.Dispose();
            loop.Memory.Dispose();
        }

        _loops.Clear();
        _queue.Clear();
    }

    internal void Register(SimulatedLoop loop) => _loops.Add(loop);

    internal void ReportFailure(Exception exception) => _failure ??= exception;

    /// <summary>Schedules an event; those at one instant run in an order drawn from the seed.</summary>
    internal SimulatedEvent At(long delayNanoseconds, SimulatedLoop? loop, string kind, Action action)
    {
        SimulatedEvent happening = new(loop, kind, action);
        _queue.Enqueue(happening, (NowNanoseconds + delayNanoseconds, _schedule.Next()));
        return happening;
    }

    internal void Trace(ulong value) => TraceHash = SimulatedRandom.Mix(TraceHash, value);

    /// <summary>A delay between the bounds, on a grid of 4 us, so that completions do coincide.</summary>
    internal long Latency(long low, long high) => _schedule.Between(low, high) & ~4095L;

    private static void OnFirstChance(object? sender, FirstChanceExceptionEventArgs e)
    {
        SimulatedMachine? machine = t_running;
        if (machine is null || machine.AllowsFailedChecks) return;
        if (e.Exception is CheckFailedException or NullReferenceException or IndexOutOfRangeException
            or OverflowException or InvalidCastException or DivideByZeroException)
        {
            string[] frames = new System.Diagnostics.StackTrace(1, true).ToString().Split('\n');
            string top = string.Join('\n', frames.Take(KeptFrames));
            machine.ReportFailure(new SimulationException($"{e.Exception.Message}\n{top}", e.Exception));
        }
    }

    private void DriveUntil(Func<bool> isOver)
    {
        Check.That(t_running != this);
        SimulatedMachine? outerMachine = t_running;
        SynchronizationContext? outer = SynchronizationContext.Current;
        long lastEvent = EventCount + MaximumEvents;
        long lastNanosecond = NowNanoseconds + MaximumNanoseconds;
        t_running = this;
        SynchronizationContext.SetSynchronizationContext(new SimulationContext(this));
        try
        {
            while (!isOver())
            {
                if (_queue.Count == 0)
                    throw Failed("stuck: nothing is left to happen, and the task has not ended");
                if (EventCount > lastEvent) throw Failed("did not end within the bound on events");
                RunInstant();
                if (_failure is not null) throw Failed(_failure.Message, _failure);
                if (NowNanoseconds > lastNanosecond)
                    throw Failed("did not end within the bound on virtual time");
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
            t_running = outerMachine;
        }
    }

    private void RunInstant()
    {
        _batch.Clear();
        _queue.TryPeek(out _, out (long Time, ulong Tie) first);
        NowNanoseconds = first.Time;
        while (_queue.TryPeek(out SimulatedEvent? next, out (long Time, ulong Tie) at))
        {
            if (at.Time != first.Time) break;
            _batch.Add(next);
            _queue.Dequeue();
        }

        for (int i = 0; i < _batch.Count; i++)
        {
            SimulatedLoop? loop = _batch[i].Loop;
            if (loop is null)
                RunEvent(_batch[i]);
            else
                RunTurn(loop, i);
        }
    }

    // Runs all events of the loop at this instant, marks them done, then ends the turn.
    private void RunTurn(SimulatedLoop loop, int start)
    {
        bool ranAny = false;
        CurrentLoop = loop;
        for (int i = start; i < _batch.Count; i++)
        {
            SimulatedEvent happening = _batch[i];
            if (happening.Loop != loop || happening.IsCancelled || loop.IsDead) continue;
            RunEvent(happening);
            happening.IsCancelled = true;
            ranAny = true;
        }

        if (ranAny) loop.EndTurn();
        CurrentLoop = null;
    }

    private void RunEvent(SimulatedEvent happening)
    {
        if (happening.IsCancelled || _failure is not null) return;
        EventCount++;
        Trace(unchecked((ulong)NowNanoseconds));
        Trace(SimulatedRandom.HashOf(happening.Kind));
        try
        {
            happening.Action();
        }
#pragma warning disable CA1031 // Whatever it is, the run ends with it and names the seed.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ReportFailure(exception);
        }
    }

    private sealed class RunningTask
    {
        public bool IsDone { get; private set; }

        public Exception? Error { get; private set; }

        public async Task ObserveAsync(Func<ValueTask> body)
        {
            try
            {
                await body();
            }
#pragma warning disable CA1031 // Rethrown by Run with the seed.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Error = exception;
            }

            IsDone = true;
        }
    }
}
