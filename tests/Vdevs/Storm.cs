using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Tests.Vdevs;

/// <summary>
/// Many requests in flight, by a driver that itself allocates nothing: 16 writes at once, then 16 reads, then
/// a flush.
/// </summary>
internal sealed class Storm : IValueTaskSource
{
    private const int Depth = 16;

    private readonly PoolDevices _pool;
    private readonly IoBuffer[] _buffers = new IoBuffer[Depth];
    private readonly Waiter[] _waiters = new Waiter[Depth];
    private ManualResetValueTaskSourceCore<bool> _done;
    private int _steps;
    private int _pending;

    public Storm(PoolDevices pool, ILoop loop)
    {
        _pool = pool;
        for (int i = 0; i < Depth; i++)
        {
            _buffers[i] = loop.Buffers.Rent(Layout.SectorBytes);
            _waiters[i] = new Waiter(this);
        }
    }

    public ValueTask RunAsync(int rounds)
    {
        _done.Reset();
        _steps = 3 * rounds;
        ValueTask task = new(this, _done.Version);
        Step();
        return task;
    }

    public void GetResult(short token) => _done.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _done.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);

    private void Step()
    {
        while (_steps > 0)
        {
            int kind = _steps-- % 3;
            int count = kind == 1 ? 1 : Depth;
            _pending = count + 1;
            for (int i = 0; i < count; i++)
            {
                BlockPlace place = new(0, 64 + (3 * i));
                IoSlice slice = _buffers[i].First(Layout.SectorBytes);
                if (kind == 0) _waiters[i].Watch(_pool.WriteAsync(place, slice));
                else if (kind == 2) _waiters[i].Watch(_pool.ReadAsync(place, slice));
                else _waiters[i].Watch(_pool.FlushAsync());
            }

            if (--_pending > 0) return;
        }

        _done.SetResult(true);
    }

    private void Ended(IoStatus status)
    {
        // Not an assertion of the test framework: those allocate.
        Check.That(status == IoStatus.Ok);
        if (--_pending == 0) Step();
    }

    private sealed class Waiter
    {
        private readonly Storm _storm;
        private readonly Action _onCompleted;
        private System.Runtime.CompilerServices.ValueTaskAwaiter<IoStatus> _awaiter;

        public Waiter(Storm storm)
        {
            _storm = storm;
            _onCompleted = () => _storm.Ended(_awaiter.GetResult());
        }

        public void Watch(ValueTask<IoStatus> request)
        {
            _awaiter = request.GetAwaiter();
            if (_awaiter.IsCompleted) _onCompleted();
            else _awaiter.UnsafeOnCompleted(_onCompleted);
        }
    }
}
