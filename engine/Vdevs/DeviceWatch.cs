// Deadlines of a pool's devices. One timer looks at the oldest request of each device, twice a second and
// only while something is under way, so an idle pool costs nothing and a request costs a link in a list.
//
// A device whose oldest request is late hangs: everything under way there is answered DeviceTimeout at once,
// and what comes later is refused without touching the disk, until the last stuck request has really ended.
// Why that is safe: a write that was given up may still reach the medium, but nothing newer is sent before
// it has ended, so it never lands on top of what was written later; the memory of stuck requests is kept
// meanwhile (see DeviceRequest), so the disk never reads or writes memory that was given to somebody else.
//
// Time that the loop itself stood still (a stopped process, a paused machine) is not counted against the
// devices: their answers may be waiting to be read.
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Vdevs;

internal sealed partial class DeviceWatch
{
    private const long LongestIntervalNanoseconds = 500_000_000;
    private const int SweepsPerDeadline = 4;

    private readonly ILoop _loop;
    private readonly ILogger _log;
    private readonly string _pool;
    private readonly Func<PoolDevice[][]> _vdevs;
    private readonly ILoopTimer _timer;
    private readonly List<PoolDevice> _busy = [];
    private bool _isArmed;
    private long _lastSweep;
    private long _awakeSince;
    private long _hurryEnd;

    /// <param name="loop">The devices' loop.</param>
    /// <param name="log">Told of devices that hang, answer again, are slow.</param>
    /// <param name="pool">Its name, for the log.</param>
    /// <param name="vdevs">Devices by top-level vdev, whose members are compared with each other. Those there
    /// now are adopted; one that comes later needs <see cref="Adopt"/>.</param>
    public DeviceWatch(ILoop loop, ILogger log, string pool, Func<PoolDevice[][]> vdevs)
    {
        _loop = loop;
        _log = log;
        _pool = pool;
        _vdevs = vdevs;
        _timer = loop.CreateTimer(Sweep);
        foreach (PoolDevice[] vdev in vdevs())
            foreach (PoolDevice device in vdev)
                Adopt(device);
    }

    public DeviceDeadlines Deadlines { get; set; } = DeviceDeadlines.Default;

    /// <summary>Called when a device begins to hang, before its requests are answered.</summary>
    public Action<PoolDevice> Hangs { get; set; } = static _ => { };

    /// <summary>Called when the last stuck request of a device has ended: it takes requests again.</summary>
    public Action<PoolDevice> Answers { get; set; } = static _ => { };

    internal long NowNanoseconds => _loop.NowNanoseconds;

    internal long TurnNanoseconds => _loop.TurnNanoseconds;

    internal BufferPool Buffers => _loop.Buffers;

    /// <summary>Watches a device from now on; another watch may have done so before.</summary>
    public void Adopt(PoolDevice device) => device.SetWatch(this);

    /// <summary>
    /// For a pool that must be let go of whatever its devices do: from one transfer's deadline on, a request
    /// gets a fifth of it, so that devices that begin to hang one after the other do not add up.
    /// </summary>
    public void Hurry()
    {
        if (_hurryEnd == 0) _hurryEnd = _loop.NowNanoseconds + Deadlines.TransferNanoseconds;
    }

    /// <summary>Something is under way at the device.</summary>
    internal void Arm(PoolDevice device)
    {
        if (!device.IsSwept)
        {
            device.IsSwept = true;
            _busy.Add(device);
        }

        if (_isArmed) return;
        _isArmed = true;
        _lastSweep = _loop.NowNanoseconds;
        _timer.Start(IntervalNanoseconds);
    }

    internal bool IsLate(DeviceRequest request, long now)
    {
        bool isTransfer = request.Kind is DeviceRequestKind.Read or DeviceRequestKind.Write;
        return IsLate(
            request.StartedNanoseconds,
            isTransfer ? Deadlines.TransferNanoseconds : Deadlines.CommandNanoseconds,
            now);
    }

    internal bool IsLate(long start, long deadline, long now)
    {
        start = Math.Max(start, _awakeSince);
        long end = start + deadline;
        if (_hurryEnd != 0)
            end = Math.Min(end, Math.Max(_hurryEnd, start + (Deadlines.TransferNanoseconds / 5)));
        return now >= end;
    }

    internal void OnHang(PoolDevice device, int requests)
    {
        LogHang(_log, _pool, device.Path, requests, Deadlines.TransferNanoseconds / 1_000_000);
        Hangs(device);
    }

    internal void OnAnswer(PoolDevice device)
    {
        long seconds = (_loop.NowNanoseconds - device.LastHangNanoseconds) / 1_000_000_000;
        LogAnswer(_log, _pool, device.Path, seconds);
        Answers(device);
    }

    internal void OnLetGo(PoolDevice device) => LogLetGo(_log, _pool, device.Path);

    internal void OnClosedLate(PoolDevice device) => LogClosedLate(_log, _pool, device.Path);

    private long IntervalNanoseconds => Math.Min(
        LongestIntervalNanoseconds,
        Math.Min(Deadlines.TransferNanoseconds, Deadlines.CommandNanoseconds) / SweepsPerDeadline);

    private void Sweep()
    {
        long now = _loop.NowNanoseconds;
        if (now - _lastSweep > 2 * IntervalNanoseconds) _awakeSince = now;
        _lastSweep = now;
        // Whoever is answered may begin more: what joins meanwhile joins at the end.
        for (int i = _busy.Count - 1; i >= 0; i--)
        {
            PoolDevice device = _busy[i];
            device.Sweep(now);
            if (device.IsBusy) continue;
            device.IsSwept = false;
            _busy[i] = _busy[^1];
            _busy.RemoveAt(_busy.Count - 1);
        }

        foreach (PoolDevice[] vdev in _vdevs()) Judge(vdev);
        _isArmed = _busy.Count > 0;
        if (_isArmed) _timer.Start(IntervalNanoseconds);
    }

    private void Judge(PoolDevice[] vdev)
    {
        if (vdev.Length < 2) return;
        long reads = 0;
        foreach (PoolDevice device in vdev) reads += device.ReadLatency.Count;
        foreach (PoolDevice device in vdev)
        {
            bool wasSlow = device.IsSlow;
            device.SlowText = SlowDevices.Judge(device, vdev);
            if (device.IsSlow) device.Probes.Grant(reads, isNew: !wasSlow);
            if (device.IsSlow == wasSlow) continue;
            if (device.IsSlow) LogSlow(_log, _pool, device.Path, device.SlowText);
            else LogRecovered(_log, _pool, device.Path);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "pool {Pool}: {Path} does not answer: {Requests} requests hang, the oldest beyond its "
            + "deadline ({Milliseconds} ms for reads and writes); it gets no more until they have ended")]
    private static partial void LogHang(
        ILogger log, string pool, string path, int requests, long milliseconds);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "pool {Pool}: {Path} answers again after {Seconds} s")]
    private static partial void LogAnswer(ILogger log, string pool, string path, long seconds);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "pool {Pool}: {Path} hangs and is let go; it stays locked until its requests have ended")]
    private static partial void LogLetGo(ILogger log, string pool, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "pool {Pool}: {Path} is closed at last")]
    private static partial void LogClosedLate(ILogger log, string pool, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "pool {Pool}: {Path} is {Slow}")]
    private static partial void LogSlow(ILogger log, string pool, string path, string slow);

    [LoggerMessage(Level = LogLevel.Information, Message = "pool {Pool}: {Path} is slow no more")]
    private static partial void LogRecovered(ILogger log, string pool, string path);
}
