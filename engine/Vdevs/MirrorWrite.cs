using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>A write to, or flush of, every child of a mirror that is in use. Pooled by its vdev.</summary>
internal sealed class MirrorWrite(MirrorVdev vdev) : IValueTaskSource<IoStatus>, IRequestOwner
{
    private readonly IoStatus[] _statuses = new IoStatus[vdev.Devices.Length];
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private IRequestOwner? _owner;
    private int _tag;
    private int _pending;
    private string _what = "";

    public ValueTask<IoStatus> Start(long sector, ReadOnlySpan<IoSlice> from)
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        _what = "failed a write";
        _pending = 1;
        for (int i = 0; i < _statuses.Length; i++)
        {
            _statuses[i] = IoStatus.DeviceGone;
            if (!vdev.Devices[i].IsCurrent) continue;
            _pending++;
            vdev.Devices[i].Write(PoolDevice.OffsetOf(sector), from, this, i);
        }

        Countdown();
        return task;
    }

    public ValueTask<IoStatus> StartFlush()
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        Flush();
        return task;
    }

    public void StartFlush(IRequestOwner owner, int tag)
    {
        _owner = owner;
        _tag = tag;
        Flush();
    }

    public void OnRequestEnded(int tag, IoStatus status)
    {
        _statuses[tag] = status;
        Countdown();
    }

    public IoStatus GetResult(short token)
    {
        IoStatus status = _core.GetResult(token);
        _core.Reset();
        vdev.Recycle(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Flush()
    {
        _what = "failed a flush";
        _pending = 1;
        for (int i = 0; i < _statuses.Length; i++)
        {
            _statuses[i] = IoStatus.DeviceGone;
            if (!vdev.Devices[i].IsCurrent) continue;
            _pending++;
            vdev.Devices[i].Flush(this, i);
        }

        Countdown();
    }

    private void Countdown()
    {
        if (--_pending > 0) return;
        IoStatus status = vdev.Settle(_statuses, _what);
        if (_owner is not { } owner)
        {
            _core.SetResult(status);
            return;
        }

        _owner = null;
        int tag = _tag;
        vdev.Recycle(this);
        owner.OnRequestEnded(tag, status);
    }
}
