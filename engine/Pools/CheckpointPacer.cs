using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>
/// Decides when to checkpoint and commit: by pointers waiting, by length of the log, by time, and when
/// somebody needs the space or the result. Makes writers wait when they outrun a checkpoint under way.
/// </summary>
internal sealed class CheckpointPacer
{
    private const long TickNanoseconds = 1_000_000_000;

    private readonly PoolCore _pool;
    private readonly Checkpoint _checkpoint;
    private readonly ILoopTimer _timer;
    private readonly List<TaskCompletionSource<IoStatus>> _waiting = [];
    private long _lastCheckpoint;
    private long _lastCommit;
    private bool _isClosed;
    private bool _isTaskRunning;
    private TaskCompletionSource? _idle;

    public CheckpointPacer(PoolCore pool, Checkpoint checkpoint)
    {
        _pool = pool;
        _checkpoint = checkpoint;
        _timer = pool.Loop.CreateTimer(OnTick);
        _lastCheckpoint = _lastCommit = pool.Loop.NowNanoseconds;
        pool.Dirtied = OnDirtied;
        pool.Writer.WaitForSpace = WaitForSpace;
        _timer.Start(TickNanoseconds);
    }

    /// <summary>Completes when a checkpoint that began after this call is durable.</summary>
    public async ValueTask<IoStatus> RequestAsync()
    {
        if (_pool.Stopped != IoStatus.Ok) return _pool.Stopped;
        TaskCompletionSource<IoStatus> done = new();
        _waiting.Add(done);
        Start();
        return await done.Task;
    }

    /// <summary>Stops; completes when no checkpoint runs any more.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        _timer.Stop();
        if (!_isTaskRunning) return;
        _idle = new TaskCompletionSource();
        await _idle.Task;
    }

    private bool WaitForSpace()
    {
        if (_pool.Stopped != IoStatus.Ok || _isClosed) return false;
        if (!_checkpoint.IsRunning && _pool.Ledger.AwaitingSectors == 0) return false;
        Start();
        return true;
    }

    private void OnDirtied()
    {
        PoolOptions options = _pool.Options;
        if (_pool.PendingCount < options.PendingLimit && _pool.Log!.LengthBytes < options.LogLimitBytes)
            return;
        Start();
        if (_pool.PendingCount >= 2L * options.PendingLimit
            || _pool.Log!.LengthBytes >= 2 * options.LogLimitBytes)
            _pool.Writer.IsHeld = true;
    }

    private void OnTick()
    {
        if (_isClosed) return;
        long now = _pool.Loop.NowNanoseconds;
        if (_pool.Log is { IsDirty: true } && now - _lastCommit >= Nanoseconds(_pool.Options.CommitInterval))
        {
            _lastCommit = now;
            Ignore(_pool.Log.CommitAsync());
        }

        if (_pool.Log is { LengthBytes: > 0 }
            && now - _lastCheckpoint >= Nanoseconds(_pool.Options.CheckpointInterval))
            Start();
        _timer.Start(TickNanoseconds);
    }

    private void Start()
    {
        if (_isTaskRunning || _isClosed) return;
        _isTaskRunning = true;
        Ignore(RunAsync());
    }

    private async ValueTask<IoStatus> RunAsync()
    {
        IoStatus status;
        do
        {
            TaskCompletionSource<IoStatus>[] served = [.. _waiting];
            _waiting.Clear();
            status = await _checkpoint.RunAsync();
            _lastCheckpoint = _pool.Loop.NowNanoseconds;
            _pool.Writer.IsHeld = false;
            _pool.Writer.Resume();
            foreach (TaskCompletionSource<IoStatus> waiter in served) waiter.SetResult(status);
        }
        while (_waiting.Count > 0 && !_isClosed);

        _isTaskRunning = false;
        foreach (TaskCompletionSource<IoStatus> waiter in _waiting) waiter.SetResult(IoStatus.Closed);
        _waiting.Clear();
        _idle?.SetResult();
        return status;
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * 100;

    // The outcome reaches everyone through PoolCore.Stopped and the log's own status.
    private static async void Ignore(ValueTask<IoStatus> task)
    {
        IoStatus status = await task;
        Check.That(Enum.IsDefined(status));
    }
}
