// Scrubs and resilvers of one pool, one at a time, in the background. A resilver goes first: until it ends, a
// scrub that was begun or under way waits.
//
// Why a resilver leaves nothing out. (1) The device takes every write that begins from now on. (2) Every
// write that had begun before has become visible or failed (BlockWriter.BarrierAsync), and (3) a checkpoint
// that began after that is durable: so the trees lead to every block that the device may lack, and the commit
// log begins with groups that the device has. (4) The walk passes over all of the trees. What is written
// meanwhile the device takes by itself. (5) After a flush and a checkpoint, which gives it the newest root,
// it is declared complete, unless it failed in between; the labels that say so are durable before the next
// flush is acknowledged.
//
// Why a crash is safe. Until (5) the labels say that the device lacks blocks. The position that a checkpoint
// keeps covers only what was written to the device before that checkpoint's flush (see ScanHistory).
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Scrub;

internal sealed class PoolScan
{
    private const long RetryNanoseconds = 30_000_000_000;

    private readonly PoolCore _pool;
    private readonly Checkpoint _checkpoint;
    private readonly CheckpointPacer _pacer;
    private readonly ScanLog _log;
    private readonly ScanRate _rate = new();
    private IScanWork? _work;
    private int _commands;
    private bool _isResilverDue;
    private bool _canResume;
    private bool _isClosed;
    private bool _isDriving;
    private long _lastSave;
    private readonly WaitQueue _idle = new();

    public PoolScan(PoolCore pool, Checkpoint checkpoint, CheckpointPacer pacer)
    {
        _pool = pool;
        _checkpoint = checkpoint;
        _pacer = pacer;
        _log = new ScanLog(pool.Logger, pool.Devices.PoolName, pool.Loop);
        _canResume = pool.Scans.CanResume;
        Pass = new ScanPass(pool, checkpoint);
    }

    /// <summary>Told when devices were brought up to date, once the labels say so.</summary>
    public Func<ValueTask> Completed { get; set; } = static () => ValueTask.CompletedTask;

    /// <summary>A scan is under way, or about to be.</summary>
    public bool IsBusy => _isDriving;

    internal ScanPass Pass { get; }

    /// <summary>Planted fault: writes that began before the device took them are not waited for.</summary>
    internal bool IsWithoutBarrier { get; set; }

    /// <summary>
    /// To be called at import and whenever a device came, went or is to be brought up to date: starts what
    /// is due.
    /// </summary>
    public void OnMembershipChanged()
    {
        _isResilverDue = true;
        Drive();
    }

    public async ValueTask<Outcome<Unit>> CommandAsync(ScrubCommand command)
    {
        if (Refusal(command) is { } refusal) return refusal;
        // Whatever is under way of the scrub as it was must not count for it as it will be.
        _commands++;
        ref ScanRecord scrub = ref _pool.Scans.Scrub;
        switch (command)
        {
            case ScrubCommand.Start when scrub.State == ScanState.Paused:
                scrub.State = ScanState.Running;
                break;
            case ScrubCommand.Start:
                scrub = NewRecord();
                _log.Began("scrub", "everything");
                break;
            case ScrubCommand.Pause:
                scrub.State = ScanState.Paused;
                break;
            default:
                End(ref scrub, ScanState.Canceled, "scrub");
                break;
        }

        Drive();
        IoStatus status = await _pacer.RequestAsync();
        return status == IoStatus.Ok ? Unit.Value : Stopped();
    }

    public ScanStatus? Status()
    {
        ScanCounters underWay = _work?.Counters ?? default;
        ref ScanRecord record = ref Current();
        long rate = _work is null
            ? 0
            : _rate.BytesPerSecond(
                _pool.Loop.NowNanoseconds, record.ExaminedBytes + underWay.ExaminedBytes);
        return _pool.Scans.Status(underWay, rate);
    }

    /// <summary>Stops at the next block; completes when nothing is under way.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        if (!_isDriving) return;
        await _idle.WaitAsync();
    }

    private bool IsOver => _isClosed || _pool.Stopped != IoStatus.Ok;

    private ref ScanRecord Current() => ref _work is ResilverWork
        ? ref _pool.Scans.Resilver
        : ref _pool.Scans.Scrub;

    private async void Drive()
    {
        if (_isDriving || IsOver) return;
        _isDriving = true;
        while (!IsOver)
        {
            if (_isResilverDue) await ResilverAsync();
            else if (_pool.Scans.Scrub.State == ScanState.Running) await ScrubAsync();
            else break;
        }

        _isDriving = false;
        _idle.Release();
    }

    private async ValueTask ScrubAsync()
    {
        // What was written before the scrub began is in the tree that it walks.
        if (await _pacer.RequestAsync() != IoStatus.Ok) return;
        ScrubWork work = new(_pool, _log);
        int command = _commands;
        bool isDone = await WalkAsync(work, () => IsOver || _isResilverDue || _commands != command);
        if (!isDone || _commands != command) return;
        End(ref _pool.Scans.Scrub, ScanState.Finished, "scrub");
        await _pacer.RequestAsync();
    }

    private async ValueTask ResilverAsync()
    {
        _isResilverDue = false;
        bool isResumed = _canResume;
        _canResume = false;
        ResilverTargets targets = ResilverTargets.Of(_pool.Devices);
        if (!targets.IsAnyLeft)
        {
            if (_pool.Scans.Resilver.State == ScanState.Running)
                End(ref _pool.Scans.Resilver, ScanState.Canceled, "resilver");
            return;
        }

        if (!isResumed) _pool.Scans.Resilver = NewRecord();
        _pool.Scans.Targets = targets;
        _log.Began("resilver", targets.Names);
        if (!IsWithoutBarrier) await _pool.Writer.BarrierAsync();
        if (IsOver || await _pacer.RequestAsync() != IoStatus.Ok) return;
        ResilverWork work = new(_pool, _log, targets);
        bool isDone = await WalkAsync(work, () => IsOver || !targets.IsAnyLeft);
        bool isComplete = isDone && work.Counters.AwayBlocks == 0 && await CompleteAsync(targets);
        if (IsOver) return;
        _pool.Scans.Targets = null;
        if (_pool.Scans.Resilver.State == ScanState.Running)
            End(ref _pool.Scans.Resilver, ScanState.Canceled, "resilver");
        if (work.Counters.AwayBlocks > 0)
        {
            _log.Incomplete(work.Counters.AwayBlocks);
            RetryLater();
        }

        // Devices that came meanwhile, or failed and came back, have their own resilver.
        bool isMore = ResilverTargets.Of(_pool.Devices).IsAnyLeft;
        if (isMore && (isComplete || !targets.IsAnyLeft)) _isResilverDue = true;
        else await _pacer.RequestAsync();
    }

    // What could not be asked may answer again without anybody telling.
    private async void RetryLater()
    {
        await _pool.Loop.DelayAsync(RetryNanoseconds);
        if (!IsOver) OnMembershipChanged();
    }

    private async ValueTask<bool> CompleteAsync(ResilverTargets targets)
    {
        // A checkpoint under way may be writing the next root; the one requested then covers that number too.
        foreach (PoolDevice device in targets.Left)
            if (await _pool.Devices.ClearRootsAboveAsync(device, _pool.Checkpoint + 1) != IoStatus.Ok)
                return false;
        if (await _pacer.RequestAsync() != IoStatus.Ok) return false;
        if (await _pool.Devices.FlushAsync() != IoStatus.Ok) return false;
        IReadOnlyList<PoolDevice> complete = targets.Left;
        if (complete.Count == 0) return false;
        foreach (PoolDevice device in complete)
        {
            device.Complete();
            _log.Complete(device.Path);
        }

        _pool.Scans.Targets = null;
        End(ref _pool.Scans.Resilver, ScanState.Finished, "resilver");
        if (await _pool.Devices.WriteLabelsAsync(_pool.Devices.State) != IoStatus.Ok) return false;
        await Completed();
        return true;
    }

    // Passes until the end or an interruption; what an interrupted pass did is not counted, for it is done
    // again.
    private async ValueTask<bool> WalkAsync(IScanWork work, Func<bool> isInterrupted)
    {
        _work = work;
        _rate.Restart();
        _lastSave = _pool.Loop.NowNanoseconds;
        work.StartEpoch = Current().StartEpoch;
        ScanPosition at = PositionOf(Current());
        while (!at.IsEnd && !isInterrupted())
        {
            long away = work.Counters.AwayBlocks;
            work.Counters = new ScanCounters { AwayBlocks = away };
            _rate.Observe(_pool.Loop.NowNanoseconds, Current().ExaminedBytes);
            if (await Pass.RunAsync(at, work, isInterrupted) is not { } next) continue;
            at = next;
            Enter(ref Current(), work.Counters, at);
            work.Counters = new ScanCounters { AwayBlocks = work.Counters.AwayBlocks };
            if (work.Counters.AwayBlocks > 0) break;
            await SaveAsync();
        }

        bool isDone = at.IsEnd;
        _work = null;
        return isDone;
    }

    private async ValueTask SaveAsync()
    {
        long now = _pool.Loop.NowNanoseconds;
        if (now - _lastSave < _pool.Options.ScanSaveInterval.Ticks * 100) return;
        await _pacer.RequestAsync();
        _lastSave = _pool.Loop.NowNanoseconds;
    }

    // If the dataset is gone, nobody knows any more whose turn it was.
    private ScanPosition PositionOf(in ScanRecord record)
    {
        if (record.Stage != ScanStage.Volumes) return new ScanPosition(record.Stage, null, record.Block);
        ScanTurn? turn = ScanTurn.At(record.Slot, record.DatasetBirth, _pool, record.StartEpoch);
        return new ScanPosition(record.Stage, turn, turn is null ? 0 : record.Block);
    }

    private static void Enter(ref ScanRecord record, in ScanCounters done, ScanPosition position)
    {
        record.Stage = position.Stage;
        record.Slot = position.Turn?.Slot ?? 0;
        record.DatasetBirth = position.Turn?.Birth ?? 0;
        record.Block = position.Block;
        record.ExaminedBytes += done.ExaminedBytes;
        record.IssuedBytes += done.IssuedBytes;
        record.RepairedBlocks += done.RepairedBlocks;
        record.LostBlocks += done.LostBlocks;
    }

    private ScanRecord NewRecord() => new()
    {
        State = ScanState.Running,
        StartEpoch = _pool.Epoch - 1,
        StartedUnixNanoseconds = UnixNanoseconds(),
        TotalBytes = _checkpoint.AllocatedSectors << Layout.SectorShift,
    };

    private void End(ref ScanRecord record, ScanState state, string kind)
    {
        record.State = state;
        record.EndedUnixNanoseconds = UnixNanoseconds();
        if (state == ScanState.Finished) record.TotalBytes = record.ExaminedBytes;
        _log.Ended(kind, state.ToString().ToLowerInvariant(), record.RepairedBlocks, record.LostBlocks);
    }

    private long UnixNanoseconds() => (_pool.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    private Fault? Refusal(ScrubCommand command)
    {
        string name = _pool.Devices.PoolName;
        if (_pool.Stopped != IoStatus.Ok) return Stopped();
        if (_isClosed) return new Fault("pool-closing", $"pool '{name}' is being closed");
        ScanState state = _pool.Scans.Scrub.State;
        return command switch
        {
            ScrubCommand.Start when state == ScanState.Running => new Fault(
                "scrub-running", $"pool '{name}' is being scrubbed already",
                $"See how far it is with: cstor pool status {name}"),
            ScrubCommand.Pause when state == ScanState.Paused => new Fault(
                "scrub-paused", $"the scrub of pool '{name}' is paused already",
                $"Let it go on with: cstor pool scrub {name}"),
            ScrubCommand.Pause or ScrubCommand.Stop
                when state is not (ScanState.Running or ScanState.Paused) => new Fault(
                    "no-scrub", $"pool '{name}' is not being scrubbed",
                    "A resilver cannot be paused: until it ends, the pool lacks redundancy"),
            _ => null,
        };
    }

    private Fault Stopped() => new(
        "pool-stopped", $"pool '{_pool.Devices.PoolName}' has stopped: {_pool.StopReason}",
        "Look at: cstor pool status; export it with -f, mend the devices and import it again");
}
