using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>A read of a mirror: one child after the other until one answers. Pooled by its vdev.</summary>
internal sealed class MirrorRead(MirrorVdev vdev) : IValueTaskSource<IoStatus>, IRequestOwner
{
    private readonly bool[] _tried = new bool[vdev.Devices.Length];
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private IoSlice[] _slices = new IoSlice[4];
    private int _sliceCount;
    private long _sector;
    private IoStatus _failure;

    public ValueTask<IoStatus> Start(long sector, ReadOnlySpan<IoSlice> into)
    {
        if (_slices.Length < into.Length) _slices = new IoSlice[into.Length];
        into.CopyTo(_slices);
        _sliceCount = into.Length;
        _sector = sector;
        _failure = IoStatus.DeviceGone;
        Array.Clear(_tried);
        ValueTask<IoStatus> task = new(this, _core.Version);
        TryNext();
        return task;
    }

    public void OnRequestEnded(int tag, IoStatus status)
    {
        if (status == IoStatus.Ok)
        {
            _core.SetResult(IoStatus.Ok);
            return;
        }

        _failure = status;
        TryNext();
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

    private void TryNext()
    {
        int child = vdev.Choose(_sector, _tried);
        if (child < 0)
        {
            _core.SetResult(_failure);
            return;
        }

        _tried[child] = true;
        vdev.Devices[child].Read(PoolDevice.OffsetOf(_sector), _slices.AsSpan(0, _sliceCount), this, child);
    }
}
