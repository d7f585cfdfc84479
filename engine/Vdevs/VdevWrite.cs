using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A write or flush that several devices of a vdev take part in. When all have ended, the vdev judges: those
/// that failed are taken out of use if the others can stand in for them. Pooled by its vdev.
/// </summary>
internal sealed class VdevWrite(Vdev vdev) : IValueTaskSource<IoStatus>, IRequestOwner
{
    private readonly List<IoBuffer> _held = [];
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private PoolDevice[] _devices = [];
    private IoStatus[] _statuses = [];
    private IRequestOwner? _owner;
    private int _tag;
    private int _pending;
    private string _what = "";

    /// <summary>The vdev's devices when this began; they may change meanwhile.</summary>
    public ReadOnlySpan<PoolDevice> Devices => _devices;

    /// <summary>Begins; devices that no request goes to have no part in the judgement.</summary>
    /// <param name="what">For the log: "failed a write".</param>
    public void Begin(string what)
    {
        _devices = vdev.Devices;
        if (_statuses.Length < _devices.Length) _statuses = new IoStatus[_devices.Length];
        _statuses.AsSpan(0, _devices.Length).Clear();
        _what = what;
        _pending = 1;
    }

    /// <summary>Keeps a buffer until the end.</summary>
    public void Hold(IoBuffer buffer) => _held.Add(buffer);

    /// <summary>Starts a write to one of <see cref="Devices"/>.</summary>
    public void Write(int device, long offsetBytes, ReadOnlySpan<IoSlice> from)
    {
        _pending++;
        _devices[device].Write(offsetBytes, from, this, device);
    }

    /// <summary>Starts a flush of one of <see cref="Devices"/>.</summary>
    public void Flush(int device)
    {
        _pending++;
        _devices[device].Flush(this, device);
    }

    /// <summary>Everything was started.</summary>
    public ValueTask<IoStatus> EndAsync()
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        Countdown();
        return task;
    }

    /// <summary>Everything was started; the owner is told.</summary>
    public void End(IRequestOwner owner, int tag)
    {
        _owner = owner;
        _tag = tag;
        Countdown();
    }

    public void OnRequestEnded(int tag, IoStatus status)
    {
        if (_statuses[tag] == IoStatus.Ok) _statuses[tag] = status;
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

    private void Countdown()
    {
        if (--_pending > 0) return;
        foreach (IoBuffer buffer in _held) buffer.Release();
        _held.Clear();
        IoStatus status = vdev.Settle(_devices, _statuses.AsSpan(0, _devices.Length), _what);
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
