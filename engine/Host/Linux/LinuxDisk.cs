using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A block device or regular file, opened with O_DIRECT. A flush is fdatasync: on a block device it ends in
/// the device's own cache flush, on a file it also brings the metadata needed to read the data back.
/// </summary>
internal sealed class LinuxDisk : IDisk
{
    private const long Alignment = 4096;

    private readonly LinuxLoop _loop;
    private readonly LinuxDisks _disks;
    private readonly OpenedDisk _opened;
    private readonly RingFile _file;
    private LoopSignal? _idle;
    private int _underWay;
    private bool _closed;
    private bool _discardByCommand;
    private bool _discardRefused;

    public LinuxDisk(LinuxLoop loop, LinuxDisks disks, OpenedDisk opened)
    {
        _loop = loop;
        _disks = disks;
        _opened = opened;
        _discardByCommand = loop.Ring.IsModern;
        _file = loop.Ring.Register(opened.Descriptor);
    }

    public string Path => _opened.Path;

    public long SizeBytes => _opened.SizeBytes;

    public int LogicalSectorBytes => _opened.LogicalSectorBytes;

    public int PhysicalSectorBytes => _opened.PhysicalSectorBytes;

    public bool SupportsDiscard => _opened.SupportsDiscard && !_discardRefused;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        CheckMemory(into);
        IoStatus status = Admit(offsetBytes, into.LengthBytes, writes: false);
        return status == IoStatus.Ok
            ? Begin().Transfer(this, _file, RingConstants.OpRead, offsetBytes, into)
            : ValueTask.FromResult(status);
    }

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, ReadOnlySpan<IoSlice> into)
    {
        if (into.Length == 1) return ReadAsync(offsetBytes, into[0]);
        IoStatus status = Admit(offsetBytes, TotalOf(into), writes: false);
        return status == IoStatus.Ok
            ? Begin().TransferVectored(this, _file, RingConstants.OpReadVector, offsetBytes, into)
            : ValueTask.FromResult(status);
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from)
    {
        CheckMemory(from);
        IoStatus status = Admit(offsetBytes, from.LengthBytes, writes: true);
        return status == IoStatus.Ok
            ? Begin().Transfer(this, _file, RingConstants.OpWrite, offsetBytes, from)
            : ValueTask.FromResult(status);
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, ReadOnlySpan<IoSlice> from)
    {
        if (from.Length == 1) return WriteAsync(offsetBytes, from[0]);
        IoStatus status = Admit(offsetBytes, TotalOf(from), writes: true);
        return status == IoStatus.Ok
            ? Begin().TransferVectored(this, _file, RingConstants.OpWriteVector, offsetBytes, from)
            : ValueTask.FromResult(status);
    }

    public ValueTask<IoStatus> FlushAsync()
    {
        if (_closed || _loop.IsStopping) return ValueTask.FromResult(IoStatus.DeviceGone);
        if (!_opened.IsWritable) return ValueTask.FromResult(IoStatus.Ok);
        return Begin().Command(this, _file, RingConstants.OpFlush, 0, 0, 0, RingConstants.FlushDataOnly, 0);
    }

    public ValueTask<IoStatus> DiscardAsync(long offsetBytes, long lengthBytes)
    {
        IoStatus status = Admit(offsetBytes, lengthBytes, writes: true);
        if (status != IoStatus.Ok) return ValueTask.FromResult(status);
        if (!SupportsDiscard) return ValueTask.FromResult(IoStatus.NotSupported);
        return DiscardCheckedAsync(offsetBytes, lengthBytes);
    }

    public async ValueTask CloseAsync()
    {
        if (_closed) return;
        _closed = true;
        _disks.BeginClose(this);
        if (_underWay > 0)
        {
            _idle = new LoopSignal();
            await _idle.Task;
        }

        _loop.Ring.Unregister(_file);
        await _loop.RunBlockingAsync(() => Libc.Close(_opened.Descriptor));
        _disks.EndClose(this);
    }

    /// <summary>A request's last completion has come.</summary>
    public void OnRequestEnded()
    {
        Check.That(_underWay > 0);
        if (--_underWay == 0) _idle?.Set();
    }

    private static void CheckMemory(IoSlice slice) =>
        Check.That(
            slice.LengthBytes > 0 && ((slice.Address | slice.LengthBytes) & (nint)(Alignment - 1)) == 0);

    private static long TotalOf(ReadOnlySpan<IoSlice> slices)
    {
        Check.That(slices.Length is > 0 and <= IoVectors.MaximumCount);
        long total = 0;
        foreach (IoSlice slice in slices)
        {
            CheckMemory(slice);
            total += slice.LengthBytes;
        }

        return total;
    }

    private IoStatus Admit(long offsetBytes, long lengthBytes, bool writes)
    {
        Check.That(((offsetBytes | lengthBytes) & (Alignment - 1)) == 0);
        if (_closed || _loop.IsStopping) return IoStatus.DeviceGone;
        if (writes && !_opened.IsWritable) return IoStatus.ReadOnly;
        if (offsetBytes < 0 || lengthBytes <= 0 || offsetBytes > SizeBytes - lengthBytes)
            return IoStatus.OutOfRange;
        return IoStatus.Ok;
    }

    private DiskOperation Begin()
    {
        DiskOperation operation = _disks.Rent();
        _underWay++;
        return operation;
    }

    /// <summary>
    /// By the ring where the kernel knows how (Linux 6.12 for block devices), else by ioctl on a thread of
    /// its own.
    /// </summary>
    private async ValueTask<IoStatus> DiscardCheckedAsync(long offsetBytes, long lengthBytes)
    {
        IoStatus status;
        if (!_opened.IsBlockDevice)
        {
            const uint mode = LibcConstants.AllocateKeepSize | LibcConstants.AllocatePunchHole;
            status = await Begin().Command(
                this, _file, RingConstants.OpAllocate, offsetBytes, (nint)lengthBytes, mode, 0, 0);
            if (status == IoStatus.NotSupported) _discardRefused = true;
            return status;
        }

        if (_discardByCommand)
        {
            status = await Begin().Command(
                this, _file, RingConstants.OpCommand, RingConstants.CommandDiscard, (nint)offsetBytes, 0, 0,
                (ulong)lengthBytes);
            if (status is not (IoStatus.NotSupported or IoStatus.DeviceError)) return status;
            // Kernels before 6.12 say EINVAL or EOPNOTSUPP; the ioctl tells which it is.
        }

        _underWay++;
        int result = await _loop.RunBlockingAsync(
            () => Libc.Discard(_opened.Descriptor, offsetBytes, lengthBytes));
        OnRequestEnded();
        if (result >= 0)
        {
            _discardByCommand = false;
            return IoStatus.Ok;
        }

        status = DiskErrors.ToStatus(-result);
        if (status == IoStatus.NotSupported) _discardRefused = true;
        return status;
    }
}
