namespace Cstor.PoolLayout.Labels;

/// <summary>
/// What each device says of the pool it belongs to: identity, state, and the whole vdev tree. Immutable. The
/// labels of one pool differ only in <see cref="DeviceGuid"/>; of two that differ otherwise the higher <see
/// cref="Generation"/> is newer.
/// </summary>
public sealed record PoolLabel
{
    /// <summary>Most top-level vdevs that a place can name.</summary>
    public const int MaximumVdevs = 4096;

    /// <summary>Branches that a label remembers.</summary>
    public const int MaximumBranches = 64;

    public uint Version { get; init; } = Layout.FormatVersion;

    public required string PoolName { get; init; }

    /// <summary>Identity of the pool, never reused.</summary>
    public required Guid PoolGuid { get; init; }

    public required PoolState State { get; init; }

    /// <summary>Counts the changes of this configuration, from 1.</summary>
    public required ulong Generation { get; init; }

    /// <summary>
    /// Random numbers, newest first: a new one each time that the pool goes on without a device that it had.
    /// A device left behind keeps a branch that those which went on have in their past, unless it was used
    /// without them.
    /// </summary>
    public required IReadOnlyList<ulong> Branches { get; init; }

    /// <summary>Features without which the pool cannot be read rightly.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Features without which it can be read but not written.</summary>
    public IReadOnlyList<string> WriteFeatures { get; init; } = [];

    /// <summary>The disk that carries this label, one of those in the tree.</summary>
    public required Guid DeviceGuid { get; init; }

    /// <summary>Host that last imported the pool.</summary>
    public string HostName { get; init; } = "";

    /// <summary>Identity of that host, which a renamed host keeps.</summary>
    public Guid HostId { get; init; }

    /// <summary>The top-level vdevs, all of them, in order of their number.</summary>
    public required IReadOnlyList<VdevConfig> Vdevs { get; init; }

    /// <summary>The disks of all vdevs.</summary>
    public IEnumerable<VdevConfig> Disks => Vdevs.SelectMany(vdev => vdev.Disks);

    /// <summary>The feature that forbids opening at all, or null.</summary>
    public string? UnknownFeature => Features.FirstOrDefault(name => !PoolFeatures.IsKnown(name));

    /// <summary>The feature that forbids writing, or null.</summary>
    public string? UnknownWriteFeature => WriteFeatures.FirstOrDefault(name => !PoolFeatures.IsKnown(name));

    /// <summary>Reason why a pool cannot have this name, or null.</summary>
    public static string? CheckPoolName(string name)
    {
        if (name.Length is 0 or > 128) return "a pool's name has 1 to 128 characters";
        if (!char.IsAsciiLetter(name[0])) return $"the pool name '{name}' does not begin with a letter";
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                return $"the pool name '{name}' has a '{c}'; letters, digits, '-', '_' and '.' are allowed";
        }

        return name is "mirror" or "raidz" or "raidz1" or "raidz2" or "raidz3" or "log" or "spare"
            or "replacing" or "disk"
            ? $"'{name}' is the name of a vdev kind" : null;
    }

    /// <summary>Reason why the label cannot be right, or null.</summary>
    public string? Validate()
    {
        if (CheckPoolName(PoolName) is { } badName) return badName;
        if (PoolGuid == Guid.Empty) return "pool without a guid";
        if (Generation == 0) return "generation 0";
        if (Branches.Count is 0 or > MaximumBranches) return $"{Branches.Count} branches";
        if (Branches.Contains(0UL)) return "branch 0";
        if (Vdevs.Count is 0 or > MaximumVdevs) return $"{Vdevs.Count} top-level vdevs";
        for (int i = 0; i < Vdevs.Count; i++)
        {
            if (Vdevs[i].Id != i) return $"vdev {i} calls itself {Vdevs[i].Id}";
            if (Vdevs[i].Validate() is { } reason) return $"vdev {i}: {reason}";
        }

        HashSet<Guid> guids = [];
        foreach (VdevConfig disk in Disks)
        {
            if (!guids.Add(disk.Guid)) return $"disk {disk.Guid} is in the tree twice";
        }

        return guids.Contains(DeviceGuid) ? null : $"own device {DeviceGuid} is not in the tree";
    }

    /// <summary>Whether two labels tell the same, apart from the device they are on.</summary>
    public bool SaysTheSameAs(PoolLabel other) => string.Equals(
        LabelText.Print(this with { DeviceGuid = Guid.Empty }),
        LabelText.Print(other with { DeviceGuid = Guid.Empty }),
        StringComparison.Ordinal);
}
