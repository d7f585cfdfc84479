using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation;

/// <summary>A simulated disk as one loop has it open.</summary>
internal sealed class SimulatedDiskHandle(SimulatedDisk disk, SimulatedLoop loop, DiskAccess access) : IDisk
{
    private SimulatedCompletion<bool>? _closing;
    private bool _isClosed;

    public SimulatedDisk Disk { get; } = disk;

    public SimulatedLoop Loop { get; } = loop;

    public DiskAccess Access { get; } = access;

    /// <summary>Requests not answered yet.</summary>
    public int UnderWay { get; set; }

    /// <summary>Closed, and held until its requests have ended.</summary>
    public bool IsClosing => _closing is { IsCompleted: false };

    public string Path => Disk.Path;

    public long SizeBytes { get; } = disk.SizeBytes;

    public int LogicalSectorBytes => Math.Min(512, PhysicalSectorBytes);

    public int PhysicalSectorBytes => Disk.PhysicalSectorBytes;

    public bool SupportsDiscard => Disk.SupportsDiscard;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into) => ReadAsync(offsetBytes, [into]);

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, ReadOnlySpan<IoSlice> into) =>
        IsOpen() ? Disk.Read(this, offsetBytes, into.ToArray()) : Gone();

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from) => WriteAsync(offsetBytes, [from]);

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, ReadOnlySpan<IoSlice> from) =>
        IsOpen() ? Disk.Write(this, offsetBytes, from.ToArray()) : Gone();

    public ValueTask<IoStatus> FlushAsync() => IsOpen() ? Disk.Flush(this) : Gone();

    public ValueTask<IoStatus> DiscardAsync(long offsetBytes, long lengthBytes)
    {
        if (!IsOpen()) return Gone();
        if (!SupportsDiscard) return ValueTask.FromResult(IoStatus.NotSupported);
        return Disk.Discard(this, offsetBytes, lengthBytes);
    }

    public ValueTask CloseAsync()
    {
        Loop.CheckIsCurrent();
        if (_isClosed) return ValueTask.CompletedTask;
        _isClosed = true;
        _closing = new SimulatedCompletion<bool>();
        if (UnderWay == 0) Loop.Machine.At(Loop.Machine.Latency(4096, 40_000), Loop, "close", OnIdle);
        return _closing.PlainTask;
    }

    public void OnIdle()
    {
        if (_closing is null || UnderWay > 0 || _closing.IsCompleted) return;
        if (Disk.ExclusiveHolder == this) Disk.ExclusiveHolder = null;
        _closing.Complete(true);
    }

    private bool IsOpen()
    {
        Loop.CheckIsCurrent();
        return !_isClosed;
    }

    private static ValueTask<IoStatus> Gone() => ValueTask.FromResult(IoStatus.DeviceGone);
}
