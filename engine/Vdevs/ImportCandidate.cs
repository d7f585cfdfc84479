using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>A pool that a scan found.</summary>
/// <param name="Label">The newest configuration.</param>
/// <param name="Devices">All disks of that configuration, found or missing, in the order of the tree.</param>
/// <param name="Duplicates">Other devices that claim to be one of these disks: a second path, or a raw
/// copy.</param>
/// <param name="Former">Devices that the newest configuration no longer has.</param>
/// <param name="Conflict">Why it is in doubt which configuration is right (see <see cref="ConfigChoice"/>),
/// or null.</param>
public sealed record ImportCandidate(
    PoolLabel Label,
    IReadOnlyList<FoundDevice> Devices,
    IReadOnlyList<DeviceScan> Duplicates,
    IReadOnlyList<DeviceScan> Former,
    string? Conflict)
{
    public string Name => Label.PoolName;

    public Guid Guid => Label.PoolGuid;

    public PoolState State => Label.State;

    /// <summary>Of all labels found: the next one is above it.</summary>
    public ulong HighestGeneration => Devices.Select(device => device.Device?.Label!.Generation ?? 0)
        .Append(Label.Generation).Max();

    /// <summary>Disks of the configuration that were not found.</summary>
    public IEnumerable<FoundDevice> Missing => Devices.Where(device => device.Device is null);

    /// <summary>What stands in the way of importing, with the remedy; or null.</summary>
    /// <param name="host">Who would import.</param>
    /// <param name="readOnly">Without any write.</param>
    /// <param name="force">The operator insists.</param>
    public Fault? Obstacle(HostIdentity host, bool readOnly, bool force)
    {
        if (State == PoolState.Creating)
        {
            return new Fault(
                "pool-incomplete",
                $"pool '{Name}': its creation did not end, it is empty",
                "Create it again");
        }

        if (Label.UnknownFeature is { } unknown)
            return new Fault(
                "feature-unknown", $"pool '{Name}' uses feature '{unknown}'", "Use a newer cstor");
        if (!readOnly && Label.UnknownWriteFeature is { } unknownWrite)
        {
            return new Fault(
                "feature-unknown",
                $"pool '{Name}' uses feature '{unknownWrite}'",
                "Import it with --readonly");
        }

        if (Label.Vdevs.FirstOrDefault(vdev => !IsSupported(vdev)) is { } foreign)
        {
            return new Fault(
                "vdev-unsupported",
                $"pool '{Name}': vdev {foreign.Id} is a {LabelText.NameOf(foreign.Kind)}, which is too new",
                "Use a newer cstor");
        }

        return (force ? null : Doubt(host)) ?? (readOnly ? null : Lack());
    }

    private static bool IsSupported(VdevConfig vdev) =>
        IsGroupOfDisks(vdev) || (VdevGeometry.IsSupported(vdev.Kind)
        && vdev.Children.All(child => child.Kind == VdevKind.Disk || IsGroupOfDisks(child)));

    private static bool IsGroupOfDisks(VdevConfig vdev) =>
        vdev.Kind is VdevKind.Replacing or VdevKind.Spare
        && vdev.Children.All(child => child.Kind == VdevKind.Disk);

    private Fault? Doubt(HostIdentity host)
    {
        if (Conflict is not null)
            return new Fault(
                "pool-diverged", $"pool '{Name}': {Conflict}", "Import with -f to take the newer side");
        if (State == PoolState.Destroyed)
            return new Fault(
                "pool-destroyed", $"pool '{Name}' was destroyed", "Import with -f to bring it back");
        if (State == PoolState.Active && host.IsOther(Label.HostName, Label.HostId))
        {
            return new Fault(
                "pool-active-elsewhere",
                $"pool '{Name}' was last in use on host '{Label.HostName}' ({Label.HostId}) and not exported",
                "Make sure that it is not in use there, then import with -f");
        }

        return null;
    }

    private Fault? Lack()
    {
        List<string> lacking = [];
        foreach (VdevConfig vdev in Label.Vdevs.Where(vdev => vdev.Role != VdevRole.Spare))
        {
            HashSet<Guid> usable =
                [.. Devices.Where(disk => disk.Device is not null && disk.Config.IsCurrent)
                    .Select(disk => disk.Config.Guid)];
            int parity = VdevGeometry.ParityOf(vdev.Kind);
            bool stands = parity == 0
                ? vdev.Disks.Any(disk => usable.Contains(disk.Guid))
                : vdev.Children.Count(child => child.Disks.Any(disk => usable.Contains(disk.Guid)))
                    >= vdev.Children.Count - parity;
            // The pool went on without it; whether its log did is for the root to say.
            bool isGivenUp = vdev.Role == VdevRole.Log && !vdev.Disks.Any(disk => disk.IsCurrent);
            if (stands || isGivenUp) continue;
            HashSet<Guid> members = [.. vdev.Disks.Select(disk => disk.Guid)];
            lacking.AddRange(
                Devices.Where(disk => members.Contains(disk.Config.Guid)
                    && !usable.Contains(disk.Config.Guid))
                    .Select(Describe));
        }

        return lacking.Count == 0 ? null : new Fault(
            "device-missing",
            $"pool '{Name}' lacks {string.Join(", ", lacking)}",
            "Attach what is missing, name its directory with -d, or save what is there with --readonly");
    }

    private static string Describe(FoundDevice disk)
    {
        string path = disk.Config.Path.Length == 0 ? "a device" : disk.Config.Path;
        string what = disk.Device is null ? "missing"
            : disk.Config.MissingFrom != 0 ? "out of date" : LabelText.NameOf(disk.Config.State);
        return $"{path} (vdev {disk.Position}, guid {disk.Config.Guid}, {what})";
    }
}
