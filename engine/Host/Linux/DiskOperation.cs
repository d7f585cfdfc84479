using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A pooled request to a disk: continued when the kernel did a part of it, repeated when interrupted. Its
/// slot and its list of memory runs are its own for life.
/// </summary>
internal sealed class DiskOperation : AwaitableOperation<IoStatus>, IDisposable
{
    private const int RetryLimit = 1000;

    private readonly LinuxLoop _loop;
    private readonly Stack<DiskOperation> _pool;
    private readonly IoVectors _vectors = new();
    private LinuxDisk? _disk;
    private RingFile _file;
    private byte _opcode;
    private long _offset;
    private nint _address;
    private uint _length;
    private uint _flags;
    private ulong _address3;
    private bool _isTransfer;
    private bool _isVectored;
    private int _retries;

    public DiskOperation(LinuxLoop loop, Stack<DiskOperation> pool)
    {
        _loop = loop;
        _pool = pool;
        loop.Ring.Attach(this);
    }

    /// <summary>Reads or writes one run of memory.</summary>
    public ValueTask<IoStatus> Transfer(
        LinuxDisk disk, RingFile file, byte opcode, long offset, IoSlice memory)
    {
        _isTransfer = true;
        _isVectored = false;
        return Start(disk, file, opcode, offset, memory.Address, (uint)memory.LengthBytes, 0, 0);
    }

    /// <summary>Reads or writes several runs of memory.</summary>
    public ValueTask<IoStatus> TransferVectored(
        LinuxDisk disk, RingFile file, byte opcode, long offset, ReadOnlySpan<IoSlice> memory)
    {
        _vectors.Set(memory);
        _isTransfer = true;
        _isVectored = true;
        return Start(disk, file, opcode, offset, 0, 0, 0, 0);
    }

    /// <summary>Any other request, done wholly or not at all.</summary>
    public ValueTask<IoStatus> Command(
        LinuxDisk disk, RingFile file, byte opcode, long offset, nint address, uint length, uint flags,
        ulong address3)
    {
        _isTransfer = false;
        _isVectored = false;
        return Start(disk, file, opcode, offset, address, length, flags, address3);
    }

    public override void OnCompletion(int result, uint flags)
    {
        if (result < 0)
        {
            if (result is -Errno.EINTR or -Errno.EAGAIN && ++_retries < RetryLimit && !_loop.IsStopping)
                Queue();
            else Complete(DiskErrors.ToStatus(-result));
            return;
        }

        if (!_isTransfer)
        {
            Complete(IoStatus.Ok);
            return;
        }

        long remaining = _isVectored ? _vectors.RemainingBytes : _length;
        Check.That(result <= remaining);
        if (result == remaining)
        {
            Complete(IoStatus.Ok);
        }
        else if (result == 0)
        {
            // The end of the file, before the end that it had when it was opened.
            Complete(IoStatus.DeviceError);
        }
        else
        {
            _offset += result;
            if (_isVectored)
            {
                _vectors.Advance(result);
            }
            else
            {
                _address += result;
                _length -= (uint)result;
            }

            Queue();
        }
    }

    /// <summary>Frees the native memory; no request may be under way.</summary>
    public void Dispose() => _vectors.Dispose();

    protected override void Recycle() => _pool.Push(this);

    private ValueTask<IoStatus> Start(
        LinuxDisk disk, RingFile file, byte opcode, long offset, nint address, uint length, uint flags,
        ulong address3)
    {
        _disk = disk;
        _file = file;
        _opcode = opcode;
        _offset = offset;
        _address = address;
        _length = length;
        _flags = flags;
        _address3 = address3;
        _retries = 0;
        ValueTask<IoStatus> task = Task;
        Queue();
        return task;
    }

    private void Queue()
    {
        nint address = _isVectored ? _vectors.VectorsAddress : _address;
        uint length = _isVectored ? _vectors.WindowCount : _length;
        _loop.Ring.Queue(this, _opcode, _file, _offset, address, length, _flags, 0, _address3);
    }

    private void Complete(IoStatus status)
    {
        LinuxDisk disk = _disk!;
        _disk = null;
        // Before the awaiting method runs: it may close the disk.
        disk.OnRequestEnded();
        Finish(status);
    }
}
