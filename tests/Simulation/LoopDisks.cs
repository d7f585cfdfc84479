using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation;

/// <summary>A node's disks as one of its loops reaches them.</summary>
internal sealed class LoopDisks(SimulatedLoop loop) : IDisks
{
    public async ValueTask<Outcome<IDisk>> OpenAsync(string path, DiskAccess access)
    {
        await Pause();
        SimulatedDisk? disk = loop.Node.Disks.Find(path);
        if (disk is null) return new Fault("device-missing", $"{path}: no such device");
        if (disk.Faults.IsDead) return new Fault("device-gone", $"{path}: no such device or address");
        SimulatedDiskHandle handle = new(disk, loop, access);
        if (access == DiskAccess.ReadOnly) return Outcome<IDisk>.Ok(handle);
        if (disk.ExclusiveHolder is { IsClosing: true })
            return new Fault("device-hangs", $"{path}: is still busy with requests that hang");
        if (disk.ExclusiveHolder is not null)
            return new Fault("device-in-use", $"{path}: is held by another program");
        disk.ExclusiveHolder = handle;
        return Outcome<IDisk>.Ok(handle);
    }

    public async ValueTask<IReadOnlyList<DiskDescription>> ListAsync()
    {
        await Pause();
        List<DiskDescription> list = [];
        foreach (SimulatedDisk disk in loop.Node.Disks.All)
        {
            if (!disk.Path.StartsWith("/dev/", StringComparison.Ordinal)) continue;
            string? inUseBy = disk.ExclusiveHolder is null ? null : "held by another program";
            int logicalBytes = Math.Min(512, disk.PhysicalSectorBytes);
            list.Add(new DiskDescription(
                disk.Path,
                disk.SizeBytes,
                "Simulated",
                disk.Path,
                logicalBytes,
                disk.PhysicalSectorBytes,
                false,
                inUseBy));
        }

        return list;
    }

    public async ValueTask<Outcome<IReadOnlyList<string>>> CandidatesAsync(string? directory)
    {
        await Pause();
        string prefix = directory is null ? "/dev/" : directory.TrimEnd('/') + "/";
        List<string> paths = loop.Node.Disks.All.Select(disk => disk.Path)
            .Where(path => path.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        if (directory is not null && paths.Count == 0)
            return new Fault("directory-missing", $"{directory}: no such directory");
        return Outcome<IReadOnlyList<string>>.Ok(paths);
    }

    private ValueTask Pause() => loop.DelayAsync(loop.Machine.Latency(10_000, 100_000));
}
