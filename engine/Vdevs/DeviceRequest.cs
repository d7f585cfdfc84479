// One request under way at a device. It stands between the disk's completion and whoever waits, so that
// errors, requests in flight and what a flush covers are counted in one place, and so that a deadline can
// answer for a disk that does not. Pooled by its device and written by hand: the runtime's pooling method
// builder keeps a few boxes per core, a queue of requests needs as many as it is deep.
//
// A request that was given up has told whoever waited, but the disk still has it, with its memory. It keeps
// the buffers behind that memory until the disk ends it, and then goes to the garbage collector: hanging is
// rare, and an object with two ends, in either order, is not worth reusing.
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Vdevs;

internal sealed class DeviceRequest : IValueTaskSource<IoStatus>
{
    private readonly PoolDevice _device;
    private readonly Action _onCompleted;
    private ManualResetValueTaskSourceCore<IoStatus> _core;
    private ValueTaskAwaiter<IoStatus> _disk;
    private IRequestOwner? _owner;
    private int _tag;
    private nint[] _addresses = new nint[1];
    private int _addressCount;
    private List<IoBuffer>? _kept;
    private BufferPool? _keptIn;

    public DeviceRequest(PoolDevice device)
    {
        _device = device;
        _onCompleted = OnCompleted;
    }

    public DeviceRequestKind Kind { get; private set; }

    /// <summary>Of a flush: how many writes had completed when it started.</summary>
    public long WritesCovered { get; private set; }

    /// <summary>Of a read or write.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>When it began, on the loop's clock; 0 while nobody watches the device.</summary>
    public long StartedNanoseconds { get; set; }

    /// <summary>Whoever waited was told that the device does not answer; the disk still has it.</summary>
    public bool IsGivenUp { get; private set; }

    /// <summary>Neighbours in the device's queue.</summary>
    public DeviceRequest? Older { get; set; }

    public DeviceRequest? Newer { get; set; }

    /// <summary>What it is, before it is started; its memory is remembered.</summary>
    public void Describe(
        DeviceRequestKind kind, long writesCovered, long startedNanoseconds, ReadOnlySpan<IoSlice> memory)
    {
        Kind = kind;
        WritesCovered = writesCovered;
        StartedNanoseconds = startedNanoseconds;
        LengthBytes = LengthOf(memory);
        if (_addresses.Length < memory.Length) _addresses = new nint[memory.Length];
        for (int i = 0; i < memory.Length; i++) _addresses[i] = memory[i].Address;
        _addressCount = memory.Length;
    }

    /// <summary>Waits for the disk; the returned task ends with it.</summary>
    public ValueTask<IoStatus> Start(ValueTask<IoStatus> disk)
    {
        ValueTask<IoStatus> task = new(this, _core.Version);
        Await(disk);
        return task;
    }

    /// <summary>Waits for the disk and tells the owner.</summary>
    public void Start(ValueTask<IoStatus> disk, IRequestOwner owner, int tag)
    {
        _owner = owner;
        _tag = tag;
        Await(disk);
    }

    /// <summary>Keeps the buffers behind its memory until the disk has ended it.</summary>
    public void KeepMemory(BufferPool buffers)
    {
        Check.That(_kept is null && !IsGivenUp);
        _keptIn = buffers;
        _kept = new List<IoBuffer>(_addressCount);
        for (int i = 0; i < _addressCount; i++)
            if (buffers.Keep(_addresses[i]) is { } buffer)
                _kept.Add(buffer);
    }

    /// <summary>Tells whoever waits that the device does not answer. Its memory is kept.</summary>
    public void GiveUp()
    {
        Check.That(_kept is not null && !IsGivenUp);
        IsGivenUp = true;
        Answer(IoStatus.DeviceTimeout);
    }

    public static long LengthOf(ReadOnlySpan<IoSlice> slices)
    {
        long lengthBytes = 0;
        foreach (IoSlice slice in slices) lengthBytes += slice.LengthBytes;
        return lengthBytes;
    }

    public IoStatus GetResult(short token)
    {
        IoStatus status = _core.GetResult(token);
        _core.Reset();
        if (!IsGivenUp) _device.Recycle(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Await(ValueTask<IoStatus> disk)
    {
        _disk = disk.GetAwaiter();
        _disk.UnsafeOnCompleted(_onCompleted);
    }

    private void OnCompleted()
    {
        IoStatus status = _disk.GetResult();
        _disk = default;
        if (_kept is { } kept)
        {
            foreach (IoBuffer buffer in kept) _keptIn!.LetGo(buffer);
            _kept = null;
        }

        _device.OnEnded(this, status);
        if (!IsGivenUp) Answer(status);
    }

    private void Answer(IoStatus status)
    {
        if (_owner is not { } owner)
        {
            _core.SetResult(status);
            return;
        }

        _owner = null;
        int tag = _tag;
        if (!IsGivenUp) _device.Recycle(this);
        owner.OnRequestEnded(tag, status);
    }
}
