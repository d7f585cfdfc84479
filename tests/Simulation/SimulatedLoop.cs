using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

/// <summary>A virtual thread of a node: see <see cref="SimulatedMachine"/> for turns and time.</summary>
public sealed class SimulatedLoop : ILoop
{
    private const int MaximumDeferRounds = 10_000;

    private readonly SimulatedRandom _random;
    private readonly Queue<Action> _posted = new();
    private List<ITurnEnd> _deferred = [];
    private List<ITurnEnd> _ending = [];
    private bool _isWakeScheduled;

    internal SimulatedLoop(SimulatedNode node, int number, long bufferLimitBytes)
    {
        Node = node;
        Buffers = new BufferPool(bufferLimitBytes);
        _random = SimulatedRandom.For(Machine.Seed, $"loop {node.Name} {node.Incarnation} {number}");
        Memory = new SimulatedMemory(this);
        Disks = new LoopDisks(this);
        Network = new SimulatedNetwork(this);
    }

    public SimulatedNode Node { get; }

    public SimulatedMachine Machine => Node.Machine;

    /// <summary>The node died: nothing runs here any more.</summary>
    public bool IsDead { get; internal set; }

    public long NowNanoseconds => Machine.NowNanoseconds + Node.ClockOffsetNanoseconds;

    public long TurnNanoseconds => NowNanoseconds;

    public DateTimeOffset UtcNow => DateTimeOffset.UnixEpoch.AddDays(20_000).AddTicks(NowNanoseconds / 100);

    public BufferPool Buffers { get; }

    public SimulatedMemory Memory { get; }

    IMemory ILoop.Memory => Memory;

    public IDisks Disks { get; }

    public INetwork Network { get; }

    public void FillRandom(Span<byte> destination) => _random.Fill(destination);

    public void Post(Action action)
    {
        _posted.Enqueue(action);
        if (_isWakeScheduled) return;
        _isWakeScheduled = true;
        Machine.At(Machine.Schedule.Between(0L, 2L) * 4096, this, "post", RunPosted);
    }

    public void Defer(ITurnEnd callback)
    {
        CheckIsCurrent();
        _deferred.Add(callback);
    }

    public ILoopTimer CreateTimer(Action callback) => new SimulatedTimer(this, callback);

    public ValueTask DelayAsync(long nanoseconds)
    {
        CheckIsCurrent();
        SimulatedCompletion<bool> completion = new();
        Machine.At(nanoseconds, this, "delay", () => completion.Complete(true));
        return completion.PlainTask;
    }

    // The work runs at the beginning or at the end of its time: early shows memory that was not ready to be
    // read, late shows a result used too soon.
    public ValueTask OffloadAsync(IOffloadedWork work)
    {
        SimulatedCompletion<bool> completion = new();
        bool isEarly = Machine.Schedule.Coin();
        if (isEarly) work.Execute();
        Machine.At(Machine.Latency(8_000, 400_000), this, "offload", () =>
        {
            if (!isEarly) work.Execute();
            completion.Complete(true);
        });
        return completion.PlainTask;
    }

    /// <summary>Drives the world until the task, begun on this loop, has completed.</summary>
    public RunEnd Run(Func<ValueTask> body) => Machine.Run(this, body);

    /// <summary>As above, for a task with a value.</summary>
    public T Run<T>(Func<ValueTask<T>> body) => Machine.Run(this, body);

    /// <summary>
    /// Objects of one loop are touched only on it: what another loop does with them would be a race.
    /// </summary>
    internal void CheckIsCurrent()
    {
        if (Machine.AllowsForeignLoops || IsDead || Machine.CurrentLoop is not { } current) return;
        bool isOnItsOwnLoop = current == this;
        Check.That(isOnItsOwnLoop);
    }

    internal void EndTurn()
    {
        for (int round = 0; _deferred.Count > 0 && !IsDead; round++)
        {
            if (round == MaximumDeferRounds)
                throw Machine.Failed("a turn does not end: callbacks defer for ever");
            (_ending, _deferred) = (_deferred, _ending);
            try
            {
                foreach (ITurnEnd callback in _ending)
                {
                    if (!IsDead) callback.OnTurnEnd();
                }
            }
#pragma warning disable CA1031 // Whatever it is, the run ends with it and names the seed.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Machine.ReportFailure(exception);
            }

            _ending.Clear();
        }
    }

    private void RunPosted()
    {
        _isWakeScheduled = false;
        for (int count = _posted.Count; count > 0 && !IsDead; count--) _posted.Dequeue()();
        if (_posted.Count == 0 || _isWakeScheduled) return;
        _isWakeScheduled = true;
        Machine.At(0, this, "post", RunPosted);
    }
}
