using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>A read of a mirror: one device after the other until one answers. Pooled by its vdev.</summary>
/// <remarks>
/// After a device that did not answer in time no other is asked: the first may still write into the memory
/// that it was given.
/// </remarks>
internal sealed class PlainRead(PlainVdev vdev) : IValueTaskSource<IoStatus>, IRequestOwner
{
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private PoolDevice[] _devices = [];
    private bool[] _tried = [];
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
        _devices = vdev.Devices;
        if (_tried.Length < _devices.Length) _tried = new bool[_devices.Length];
        Array.Clear(_tried);
        ValueTask<IoStatus> task = new(this, _core.Version);
        TryNext();
        return task;
    }

    public void OnRequestEnded(int tag, IoStatus status)
    {
        if (status is IoStatus.Ok or IoStatus.DeviceTimeout)
        {
            _core.SetResult(status);
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
        int device = PlainVdev.Choose(_devices, _sector, _tried);
        if (device < 0)
        {
            _core.SetResult(_failure);
            return;
        }

        _tried[device] = true;
        _devices[device].Read(PoolDevice.OffsetOf(_sector), _slices.AsSpan(0, _sliceCount), this, device);
    }
}
