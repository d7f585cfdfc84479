using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>
/// Decides when to checkpoint and commit: by pointers waiting, by length of the log, by space taken, by time,
/// and when somebody needs the space or the result. Makes writers wait when they outrun a checkpoint under
/// way, or when the next one or the log might find no room: so neither ever does, however full the pool.
/// </summary>
internal sealed class CheckpointPacer
{
    private const long TickNanoseconds = 1_000_000_000;

    /// <summary>
    /// Segments of the log that must be to spare for what is under way when writers are stopped.
    /// </summary>
    public const int SpareSegments = 2;

    private const long LeastLogLimitBytes = 16L << 20;
    private const int PoolShare = 32;

    // Space that is not worth a checkpoint of its own.
    private const long LeastSectors = (64L << 20) >> Layout.SectorShift;

    // For the nodes of two thousand writes.
    private const long UnderWaySectors = 1L << 14;

    private readonly PoolCore _pool;
    private readonly Checkpoint _checkpoint;
    private readonly ILoopTimer _timer;
    private readonly List<TaskCompletionSource<IoStatus>> _waiting = [];
    private long _lastCheckpoint;
    private long _lastCommit;
    private bool _isClosed;
    private bool _isTaskRunning;
    private bool _isSpaceWanted;
    private readonly WaitQueue _idle = new();
    private long _frozenDemand;
    private long _writtenBefore;

    public CheckpointPacer(PoolCore pool, Checkpoint checkpoint)
    {
        _pool = pool;
        _checkpoint = checkpoint;
        _timer = pool.Loop.CreateTimer(OnTick);
        _lastCheckpoint = _lastCommit = pool.Loop.NowNanoseconds;
        pool.Dirtied = OnDirtied;
        pool.Pace.UsedUp = UsedUp;
        pool.Pace.Requests = () => pool.ForegroundRequests;
        pool.Writer.WaitForSpace = WaitForSpace;
        pool.Ledger.Released = OnReleased;
        pool.Log!.RestartWanted = OnRestartWanted;
        _timer.Start(TickNanoseconds);
    }

    /// <summary>Completes when a checkpoint that began after this call is durable.</summary>
    public async ValueTask<IoStatus> RequestAsync()
    {
        if (_pool.Stopped != IoStatus.Ok) return _pool.Stopped;
        if (_isClosed) return IoStatus.Closed;
        TaskCompletionSource<IoStatus> done = new();
        _waiting.Add(done);
        _pool.Pace.IsHurried = true;
        Start();
        return await done.Task;
    }

    /// <summary>
    /// Whether the next checkpoint surely finds room for one more dataset, after one that makes some if need
    /// be. A dataset takes next to nothing, so this asks only when more is claimed than writers may claim.
    /// </summary>
    public async ValueTask<bool> HasRoomForDatasetAsync()
    {
        if (!DemandExceeds(Threshold.Datasets)) return true;
        return await RequestAsync() == IoStatus.Ok && !DemandExceeds(Threshold.Datasets);
    }

    /// <summary>Stops; completes when no checkpoint runs any more.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        _timer.Stop();
        if (!_isTaskRunning) return;
        _pool.Pace.IsHurried = true;
        await _idle.WaitAsync();
    }

    private bool WaitForSpace()
    {
        if (_pool.Stopped != IoStatus.Ok || _isClosed) return false;
        // What pending changes replace in the tree is found only by the checkpoint.
        bool mayHelp = _pool.PendingCount > 0 || _pool.Ledger.AwaitingSectors > _pool.Ledger.KeptSectors
            || _checkpoint.HasErasures;
        if (!mayHelp && !_checkpoint.IsRunning && _pool.Ledger.KeptSectors == 0) return false;
        // What is pinned comes when it is released, and no checkpoint brings it sooner.
        _isSpaceWanted = mayHelp || _checkpoint.IsRunning;
        _pool.Pace.IsHurried |= _isSpaceWanted;
        if (mayHelp) Start();
        else _pool.Ledger.IsReleaseWanted = true;
        return true;
    }

    // A part of the log is lost: what it held is durable again once it is in the tree. The device that has it
    // is just being given up, so not now.
    private void OnRestartWanted() => _pool.Loop.Post(BeginRestart);

    private void BeginRestart()
    {
        if (_pool.Stopped != IoStatus.Ok || _isClosed)
        {
            _pool.Log!.GiveUp(IoStatus.PoolStopped);
            return;
        }

        // Flushes wait for it, and for one that is under way.
        _pool.Pace.IsHurried = true;
        Start();
    }

    private void OnReleased()
    {
        if (!_isTaskRunning) LetGo();
    }

    private void OnDirtied()
    {
        if (!Exceeds(Threshold.Start)) return;
        // The next one is due before this one is done.
        if (_isTaskRunning) _pool.Pace.IsHurried = true;
        Start();
        if (!_isTaskRunning || !Exceeds(Threshold.Hold)) return;
        _pool.Writer.IsHeld = true;
        _pool.Pace.IsHurried = true;
    }

    // See CheckpointPace. What a demand for room would add is told by Exceeds alone.
    private double UsedUp()
    {
        double changes = _pool.PendingCount / (double)_pool.Options.PendingLimit;
        double log = _pool.Log!.LengthBytes / (double)LogLimitBytes;
        double space = _pool.Ledger.AllocatedSectors / (double)Math.Max(AvailableSectors, LeastSectors);
        return Math.Max(Math.Max(changes, log), space);
    }

    // A checkpoint must have ended before what is free is used up, or writers wait for it; so it begins when
    // half is. What it brings back is known when its trees are written: at most what was taken since.
    private bool IsSpaceDue =>
        _pool.Ledger.AllocatedSectors is var taken && taken >= LeastSectors && taken >= AvailableSectors;

    private long AvailableSectors => _pool.Allocator.FreeForDataSectors + _pool.Ledger.HeldSectors;

    // Both copies of it are no notable part of the pool.
    private long LogLimitBytes => Math.Min(
        _pool.Options.LogLimitBytes,
        Math.Max(LeastLogLimitBytes, (_pool.Allocator.TotalSectors << Layout.SectorShift) / PoolShare));

    private bool Exceeds(Threshold threshold)
    {
        PoolOptions options = _pool.Options;
        long times = threshold == Threshold.Start ? 1 : 2;
        if (_pool.PendingCount >= times * options.PendingLimit) return true;
        if (_pool.Log!.LengthBytes >= times * LogLimitBytes) return true;
        if (_pool.Allocator.SpareSegments < SpareSegments + _pool.WriteBack.LogSegments) return true;
        if (threshold == Threshold.Start && IsSpaceDue) return true;
        bool isMore = DemandExceeds(threshold);
        while (isMore && _pool.Ledger.ReleaseHeld()) isMore = DemandExceeds(threshold);
        return isMore && _pool.PendingCount > 0;
    }

    // What the checkpoint under way may still take: what it has written has its place. The last quarter stays
    // until it ends, for what comes after the trees.
    private long FrozenDemand => Math.Max(
        _frozenDemand / 4, _frozenDemand - (_pool.Metadata.WrittenSectors - _writtenBefore));

    // The part of the room that may be in demand. Writers that are stopped have others before them, under
    // way, whose blocks may each touch another leaf. And a checkpoint that begins long before it must writes
    // whole leaves for a few pointers each: scattered writes touch every leaf long before many have come.
    private static long PartOf(long roomSectors, Threshold threshold)
    {
        long hold = Math.Max(roomSectors / 2, roomSectors - UnderWaySectors);
        return threshold switch
        {
            Threshold.Start => hold - (hold / 8),
            Threshold.Hold => hold,
            _ => (hold + roomSectors) / 2,
        };
    }

    // Whatever is a good part of the room is kept from data.
    private bool DemandExceeds(Threshold threshold)
    {
        long room = PartOf(_pool.Allocator.RoomForMetadataSectors, threshold);
        _pool.Allocator.ClaimedForMetadataSectors = 0;
        long frozen = FrozenDemand;
        if (frozen + MetadataDemand.Quick(_pool) <= room) return false;
        long demand = frozen + MetadataDemand.Exact(_pool);
        if (_pool.PendingCount > 0 || _checkpoint.IsRunning)
            _pool.Allocator.ClaimedForMetadataSectors = demand;
        return demand > room;
    }

    private void LetGo()
    {
        _isSpaceWanted = false;
        _pool.Writer.IsHeld = false;
        _pool.Writer.Resume();
    }

    private void OnTick()
    {
        if (_isClosed) return;
        long now = _pool.Loop.NowNanoseconds;
        _pool.Log!.NoticeLosses();
        _pool.Warnings.Look();
        if (_pool.Log.MustRestart) Start();
        if (_pool.Log is { IsDirty: true } && now - _lastCommit >= Nanoseconds(_pool.Options.CommitInterval))
        {
            _lastCommit = now;
            Ignore(_pool.Log.CommitAsync());
        }

        if (_pool.Log is { LengthBytes: > 0 }
            && now - _lastCheckpoint >= Nanoseconds(_pool.Options.CheckpointInterval))
            Start();
        if (_checkpoint.HasErasures) Start();
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
        bool again;
        do
        {
            TaskCompletionSource<IoStatus>[] served = [.. _waiting];
            _waiting.Clear();
            _frozenDemand = MetadataDemand.Exact(_pool);
            _writtenBefore = _pool.Metadata.WrittenSectors;
            long requests = _pool.ForegroundRequests;
            _pool.Pace.IsHurried =
                served.Length > 0 || _isSpaceWanted || _isClosed || _pool.Writer.IsHeld
                || _pool.Log!.MustRestart;
            status = await _checkpoint.RunAsync();
            _frozenDemand = 0;
            _pool.Allocator.ClaimedForMetadataSectors = 0;
            _lastCheckpoint = _pool.Loop.NowNanoseconds;
            again = status == IoStatus.Ok && (_pool.Log!.MustRestart || MustGoOn() || MayErase(requests));
            if (!again && !MustAwaitRelease(status)) LetGo();
            foreach (TaskCompletionSource<IoStatus> waiter in served) waiter.SetResult(status);
        }
        while ((_waiting.Count > 0 || again) && !_isClosed);

        _isTaskRunning = false;
        if (_isClosed) LetGo();
        foreach (TaskCompletionSource<IoStatus> waiter in _waiting) waiter.SetResult(IoStatus.Closed);
        _waiting.Clear();
        _idle.Release();
        return status;
    }

    // What became visible during the checkpoint is too much already: the next one first. Parts that cannot be
    // written back are in the log after each of them, and are no reason.
    private bool MustGoOn() =>
        _pool.Writer.IsHeld
        && (_pool.PendingCount > 0 || _pool.Log!.LengthBytes > _pool.WriteBack.MostLogBytes)
        && Exceeds(Threshold.Hold);

    // While nobody wants anything, destroyed datasets are freed without a pause; else a piece in each tick.
    private bool MayErase(long requestsBefore) =>
        _checkpoint.HasErasures && _pool.ForegroundRequests == requestsBefore;

    // Checkpoints bring nothing back while there are pins, and another one might find no room.
    private bool MustAwaitRelease(IoStatus status)
    {
        if (status != IoStatus.Ok || _isClosed || _pool.Ledger.KeptSectors == 0) return false;
        if (!DemandExceeds(Threshold.Start)) return false;
        _pool.Ledger.IsReleaseWanted = true;
        return _pool.Writer.IsHeld = true;
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * 100;

    // The outcome reaches everyone through PoolCore.Stopped and the log's own status.
    private static async void Ignore(ValueTask<IoStatus> task)
    {
        IoStatus status = await task;
        Check.That(Enum.IsDefined(status));
    }

    // What is compared with the limits of memory and log, and with the room for nodes.
    private enum Threshold
    {
        // Time for a checkpoint.
        Start,

        // No more writes before it is done.
        Hold,

        // No more datasets.
        Datasets,
    }
}
