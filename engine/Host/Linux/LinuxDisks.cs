using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>The machine's disks. Whatever may block (open, ioctl, sysfs) runs off the loop.</summary>
internal sealed class LinuxDisks(LinuxLoop loop) : IDisks
{
    private readonly Stack<DiskOperation> _free = new(256);
    private readonly List<DiskOperation> _all = new(256);

    public async ValueTask<Outcome<IDisk>> OpenAsync(string path, DiskAccess access)
    {
        Outcome<OpenedDisk> opened = await loop.RunBlockingAsync(() => DiskOpener.Open(path, access));
        return opened.IsOk ? Outcome<IDisk>.Ok(new LinuxDisk(loop, this, opened.Value)) : opened.Fault;
    }

    public ValueTask<IReadOnlyList<DiskDescription>> ListAsync() => loop.RunBlockingAsync(DiskLister.List);

    public ValueTask<Outcome<IReadOnlyList<string>>> CandidatesAsync(string? directory) =>
        loop.RunBlockingAsync(() => DiskLister.Candidates(directory));

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
}
