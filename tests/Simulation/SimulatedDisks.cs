using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

/// <summary>The disks in a node's bays, by path.</summary>
public sealed class SimulatedDisks
{
    private readonly SortedDictionary<string, SimulatedDisk> _byPath = new(StringComparer.Ordinal);
    private readonly SimulatedNode _node;

    internal SimulatedDisks(SimulatedNode node) => _node = node;

    public IEnumerable<SimulatedDisk> All => _byPath.Values;

    public SimulatedDisk this[string path] => _byPath[path];

    /// <summary>Puts in a new disk.</summary>
    /// <param name="path">As <c>/dev/sda</c>, or a file's path.</param>
    /// <param name="sizeBytes">Rounded down to 4096.</param>
    /// <param name="isGarbageAtFirst">Holds seeded garbage instead of zeroes.</param>
    public SimulatedDisk Add(string path, long sizeBytes, bool isGarbageAtFirst = false) =>
        Add(new SimulatedDisk(_node, path, sizeBytes, isGarbageAtFirst));

    /// <summary>Puts in a disk with the content of an image, under the image's path or another.</summary>
    public SimulatedDisk Add(DiskImage image, string? path = null) =>
        Add(new SimulatedDisk(_node, path ?? image.Path, image.SizeBytes, image.Store.Clone()));

    /// <summary>Pulls a disk out: whoever has it open finds it dead.</summary>
    public void Remove(string path)
    {
        _byPath[path].Faults.IsDead = true;
        _byPath.Remove(path);
    }

    internal SimulatedDisk? Find(string path) => _byPath.GetValueOrDefault(path);

    internal void LosePower(CrashMode mode, SimulatedRandom random)
    {
        foreach (SimulatedDisk disk in _byPath.Values) disk.LosePower(mode, random);
    }

    internal void FinishSubmitted()
    {
        foreach (SimulatedDisk disk in _byPath.Values) disk.FinishSubmitted();
    }

    private SimulatedDisk Add(SimulatedDisk disk)
    {
        Check.That(!_byPath.ContainsKey(disk.Path));
        _byPath.Add(disk.Path, disk);
        return disk;
    }
}
