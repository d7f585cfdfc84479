using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// The machine's disks. Whatever may block (open, ioctl, sysfs) runs off the loop, on a bounded number of
/// threads; so that a disk which hangs does not take one more with each try, it is not tried again until
/// what hangs has ended.
/// </summary>
internal sealed class LinuxDisks(LinuxLoop loop) : IDisks
{
    private const long HangNanoseconds = 4_000_000_000;

    private readonly Stack<DiskOperation> _free = new(256);
    private readonly List<DiskOperation> _all = new(256);
    private readonly Dictionary<string, long> _opening = [];
    private readonly Dictionary<LinuxDisk, long> _closing = [];

    public async ValueTask<Outcome<IDisk>> OpenAsync(string path, DiskAccess access)
    {
        if (_opening.TryGetValue(path, out long since) && IsLongAgo(since))
            return DiskErrors.Hangs(path, "an open that hangs");
        foreach ((LinuxDisk disk, long start) in _closing)
            if (disk.Path == path && IsLongAgo(start))
                return DiskErrors.Hangs(path, "requests that hang");
        bool isFirst = _opening.TryAdd(path, loop.NowNanoseconds);
        Outcome<OpenedDisk> opened = await loop.RunBlockingAsync(() => DiskOpener.Open(path, access));
        if (isFirst) _opening.Remove(path);
        return opened.IsOk ? Outcome<IDisk>.Ok(new LinuxDisk(loop, this, opened.Value)) : opened.Fault;
    }

    public ValueTask<IReadOnlyList<DiskDescription>> ListAsync() => loop.RunBlockingAsync(DiskLister.List);

    public ValueTask<Outcome<IReadOnlyList<string>>> CandidatesAsync(string? directory) =>
        loop.RunBlockingAsync(() => DiskLister.Candidates(directory));

    /// <summary>A disk waits for its requests, to be closed behind them.</summary>
    public void BeginClose(LinuxDisk disk) => _closing.Add(disk, loop.NowNanoseconds);

    public void EndClose(LinuxDisk disk) => _closing.Remove(disk);

    /// <summary>A free operation.</summary>
    public DiskOperation Rent()
    {
        if (_free.TryPop(out DiskOperation? operation)) return operation;
        operation = new DiskOperation(loop, _free);
        _all.Add(operation);
        return operation;
    }

    /// <summary>Frees native memory at the end of the loop, when nothing is under way.</summary>
    public void Free()
    {
        Check.That(loop.IsStopping);
        foreach (DiskOperation operation in _all) operation.Dispose();
        _all.Clear();
        _free.Clear();
    }

    private bool IsLongAgo(long start) => loop.NowNanoseconds - start > HangNanoseconds;
}
