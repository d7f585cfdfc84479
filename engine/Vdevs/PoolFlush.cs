using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A flush of every vdev at once, and of the labels after it if membership changed. Pooled by the pool's
/// devices.
/// </summary>
internal sealed class PoolFlush(PoolDevices pool) : IValueTaskSource<IoStatus>, IRequestOwner
{
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private IoStatus _result;
    private int _pending;
    private Vdev[] _vdevs = [];

    public ValueTask<IoStatus> Start(Vdev[] vdevs)
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        _result = IoStatus.Ok;
        _vdevs = vdevs;
        _pending = vdevs.Length + 1;
        for (int i = 0; i < vdevs.Length; i++) vdevs[i].Flush(this, i);
        Countdown();
        return task;
    }

    public void OnRequestEnded(int tag, IoStatus status)
    {
        if (status != IoStatus.Ok && !_vdevs[tag].IsLost) _result = status;
        Countdown();
    }

    public IoStatus GetResult(short token)
    {
        IoStatus status = _core.GetResult(token);
        _core.Reset();
        pool.Recycle(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Countdown()
    {
        if (--_pending > 0) return;
        if (_result == IoStatus.Ok && pool.HasUnsavedMembership) _ = FinishWithLabelsAsync();
        else _core.SetResult(_result);
    }

    private async Task FinishWithLabelsAsync() => _core.SetResult(await pool.SaveAsync());
}
