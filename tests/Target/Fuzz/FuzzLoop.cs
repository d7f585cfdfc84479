using System.Net;
using Cstor.Engine.Host;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// The smallest loop that a target server runs on: time moves only when told to, what is deferred runs when
/// the world is settled, and a connection is two queues of bytes. There is nothing between the fuzzer and the
/// server, so that inputs come by the hundred thousand a second.
/// </summary>
internal sealed class FuzzLoop(ulong seed) : ILoop, INetwork, IListener
{
    private const int MaximumRounds = 100_000;

    private readonly Random _random = new((int)seed);
    private readonly Queue<TaskCompletionSource<IConnection?>> _accepts = new();
    private readonly PriorityQueue<Action, long> _timers = new();
    private readonly Queue<Action> _posted = new();
    private List<ITurnEnd> _deferred = [];
    private List<ITurnEnd> _ending = [];

    public long NowNanoseconds { get; private set; }

    public long TurnNanoseconds => NowNanoseconds;

    public DateTimeOffset UtcNow => DateTimeOffset.UnixEpoch;

    public BufferPool Buffers { get; } = new(64L * 1024 * 1024);

    public IMemory Memory => throw new NotSupportedException();

    public IDisks Disks => throw new NotSupportedException();

    public INetwork Network => this;

    public IPEndPoint LocalEndPoint { get; } = new(IPAddress.Parse("10.0.0.1"), 3260);

    public void FillRandom(Span<byte> destination) => _random.NextBytes(destination);

    public void Post(Action action) => _posted.Enqueue(action);

    public void Defer(ITurnEnd callback) => _deferred.Add(callback);

    public ILoopTimer CreateTimer(Action callback) => new FuzzTimer(this, callback);

    public ValueTask DelayAsync(long nanoseconds)
    {
        TaskCompletionSource done = new();
        At(NowNanoseconds + nanoseconds, done.SetResult);
        return new ValueTask(done.Task);
    }

    public ValueTask OffloadAsync(IOffloadedWork work)
    {
        work.Execute();
        return default;
    }

    public Outcome<IListener> Listen(IPEndPoint endPoint) => Outcome<IListener>.Ok(this);

    public ValueTask<Outcome<IConnection>> ConnectAsync(IPEndPoint endPoint) =>
        throw new NotSupportedException();

    public ValueTask<IConnection?> AcceptAsync()
    {
        TaskCompletionSource<IConnection?> next = new();
        _accepts.Enqueue(next);
        return new ValueTask<IConnection?>(next.Task);
    }

    public void Close()
    {
        if (_accepts.TryDequeue(out TaskCompletionSource<IConnection?>? waiting)) waiting.SetResult(null);
    }

    public FuzzConnection Connect()
    {
        FuzzConnection connection = new(this, _random);
        _accepts.Dequeue().SetResult(connection);
        return connection;
    }

    public void At(long nanoseconds, Action action) => _timers.Enqueue(action, nanoseconds);

    /// <summary>Runs until nothing is left to do at this instant.</summary>
    public void Settle()
    {
        for (int round = 0; _deferred.Count > 0 || _posted.Count > 0; round++)
        {
            if (round == MaximumRounds) throw new InvalidOperationException("a turn does not end");
            while (_posted.TryDequeue(out Action? action)) action();
            (_ending, _deferred) = (_deferred, _ending);
            foreach (ITurnEnd callback in _ending) callback.OnTurnEnd();
            _ending.Clear();
        }
    }

    /// <summary>Lets time pass, with everything that falls due.</summary>
    public void Advance(long nanoseconds)
    {
        long until = NowNanoseconds + nanoseconds;
        Settle();
        while (_timers.TryPeek(out Action? due, out long at) && at <= until)
        {
            _timers.Dequeue();
            NowNanoseconds = Math.Max(NowNanoseconds, at);
            due();
            Settle();
        }

        NowNanoseconds = until;
    }

    private sealed class FuzzTimer(FuzzLoop loop, Action callback) : ILoopTimer
    {
        private int _version;

        public void Start(long nanoseconds)
        {
            int version = ++_version;
            loop.At(loop.NowNanoseconds + nanoseconds, () =>
            {
                if (_version == version) callback();
            });
        }

        public void Stop() => _version++;
    }
}
