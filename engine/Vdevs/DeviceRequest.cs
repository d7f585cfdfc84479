// One request under way at a device. It stands between the disk's completion and whoever waits, so that
// errors, requests in flight and what a flush covers are counted in one place, and so that a deadline can
// answer for a disk that does not. Pooled by its device and written by hand: the runtime's pooling method
// builder keeps a few boxes per core, a queue of requests needs as many as it is deep.
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

internal sealed class DeviceRequest : IValueTaskSource<IoStatus>
{
    private readonly PoolDevice _device;
    private readonly Action _onCompleted;
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private ValueTaskAwaiter<IoStatus> _disk;
    private IRequestOwner? _owner;
    private int _tag;

    public DeviceRequest(PoolDevice device)
    {
        _device = device;
        _onCompleted = OnCompleted;
    }

    public DeviceRequestKind Kind { get; private set; }

    /// <summary>Of a flush: how many writes had completed when it started.</summary>
    public long WritesCovered { get; private set; }

    /// <summary>Waits for the disk; the returned task ends with it.</summary>
    public ValueTask<IoStatus> Start(DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk)
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        Await(kind, writesCovered, disk);
        return task;
    }

    /// <summary>Waits for the disk and tells the owner.</summary>
    public void Start(
        DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk, IRequestOwner owner, int tag)
    {
        _owner = owner;
        _tag = tag;
        Await(kind, writesCovered, disk);
    }

    public IoStatus GetResult(short token)
    {
        IoStatus status = _core.GetResult(token);
        _core.Reset();
        _device.Recycle(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Await(DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk)
    {
        Kind = kind;
        WritesCovered = writesCovered;
        _disk = disk.GetAwaiter();
        _disk.UnsafeOnCompleted(_onCompleted);
    }

    private void OnCompleted()
    {
        IoStatus status = _disk.GetResult();
        _disk = default;
        _device.OnEnded(Kind, WritesCovered, status);
        if (_owner is not { } owner)
        {
            _core.SetResult(status);
            return;
        }

        _owner = null;
        int tag = _tag;
        _device.Recycle(this);
        owner.OnRequestEnded(tag, status);
    }
}
