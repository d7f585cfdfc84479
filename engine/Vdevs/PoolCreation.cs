// Creation. Checks everything, then wipes the label areas (old roots and old file systems' marks must not
// survive), flushes, and writes labels that say "creating". They say "active" only once the first root is
// durable (see PoolDevices): a crash in between leaves devices that nobody takes for a pool and that the next
// creation may use without force.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Vdevs;

internal static class PoolCreation
{
    /// <summary>Says what creation would do, writing nothing and leaving nothing open.</summary>
    public static async ValueTask<Outcome<CreationPlan>> CheckAsync(
        ILoop loop, string poolName, IReadOnlyList<VdevSpec> specs, bool force)
    {
        if (CheckRequest(poolName, specs) is { } fault) return fault;
        specs = SparesLast(specs);
        Outcome<IReadOnlyList<AdmittedDevice>> admitted =
            await DeviceAdmission.AdmitAsync(loop, PathsOf(specs), force);
        if (!admitted.IsOk) return admitted.Fault;
        CreationPlan plan = Plan(loop, specs, admitted.Value);
        foreach (AdmittedDevice device in admitted.Value) await device.Disk.CloseAsync();
        return TooLarge(plan) is { } tooLarge ? tooLarge : plan;
    }

    public static async ValueTask<Outcome<PoolDevices>> CreateAsync(
        ILoop loop,
        ILogger log,
        HostIdentity host,
        string poolName,
        Guid poolGuid,
        IReadOnlyList<VdevSpec> specs,
        bool force)
    {
        if (CheckRequest(poolName, specs) is { } fault) return fault;
        specs = SparesLast(specs);
        Outcome<IReadOnlyList<AdmittedDevice>> admitted =
            await DeviceAdmission.AdmitAsync(loop, PathsOf(specs), force);
        if (!admitted.IsOk) return admitted.Fault;
        CreationPlan plan = Plan(loop, specs, admitted.Value);
        if (TooLarge(plan) is { } tooLarge)
        {
            foreach (AdmittedDevice device in admitted.Value) await device.Disk.CloseAsync();
            return tooLarge;
        }

        PoolIdentity identity = new(poolName, poolGuid, host, [], []);
        Membership membership = new(log, poolName);
        membership.Touch();
        PoolDevice[] devices =
            [.. plan.Vdevs.SelectMany(vdev => vdev.Disks)
                .Select((disk, index) => new PoolDevice(disk, admitted.Value[index].Disk))];
        PoolTree tree = PoolTree.Open(plan.Vdevs, devices, loop, membership);
        PoolDevices pool = new(
            loop, log, identity, membership, tree, PoolState.Creating, 0, BranchHistory.Begin(), false);
        if (await WriteAsync(loop, pool, devices, identity, plan) is not { } failure) return pool;
        await pool.CloseAsync();
        return failure;
    }

    private static async ValueTask<Fault?> WriteAsync(
        ILoop loop, PoolDevices pool, PoolDevice[] devices, PoolIdentity identity, CreationPlan plan)
    {
        Guid anyDevice = plan.Vdevs[0].Disks.First().Guid;
        if (!LabelBlock.Fits(
            identity.Label(PoolState.Creating, 1, BranchHistory.Longest, anyDevice, plan.Vdevs)))
        {
            return new Fault(
                "pool-too-wide", "the names of so many devices do not fit into a label", "Use fewer devices");
        }

        IoBatch wipes = new();
        foreach (PoolDevice device in devices) wipes.Add(LabelStore.WipeAsync(device, loop.Buffers));
        IoStatus[] statuses = await wipes.NextAsync(devices.Length);
        for (int i = 0; i < devices.Length; i++)
        {
            if (statuses[i] != IoStatus.Ok) return WriteFailed(devices[i], statuses[i]);
        }

        IoStatus written = await pool.WriteLabelsAsync(PoolState.Creating);
        PoolDevice? failed = Array.Find(devices, device => written != IoStatus.Ok || !device.IsCurrent);
        return failed is null ? null
            : WriteFailed(failed, written == IoStatus.Ok ? IoStatus.DeviceError : written);
    }

    private static Fault WriteFailed(PoolDevice device, IoStatus status) =>
        new(
            "device-write-failed",
            $"{device.Path}: cannot be written ({status})",
            "Replace the device and create the pool again");

    private static Fault? CheckRequest(string poolName, IReadOnlyList<VdevSpec> specs)
    {
        if (PoolLabel.CheckPoolName(poolName) is { } badName)
            return new Fault("pool-name", badName, "Choose another name");
        if (!specs.Any(spec => spec.Role == VdevRole.Data))
            return new Fault(
                "vdev-count", "a pool has at least one vdev for data", "Name at least one device for it");
        return CheckVdevs(specs);
    }

    /// <summary>Why vdevs of such a size are refused, or null.</summary>
    public static Fault? TooLarge(CreationPlan plan) =>
        plan.Vdevs.Any(vdev => vdev.SizeSectors > Layout.MaximumVdevSectors)
            ? new Fault(
                "vdev-too-large",
                $"a vdev has at most {Layout.MaximumVdevSectors >> 28} TiB, parity included",
                "Make several vdevs of fewer devices")
            : null;

    /// <summary>Why vdevs cannot be as named, or null; looks at no device.</summary>
    public static Fault? CheckVdevs(IReadOnlyList<VdevSpec> specs)
    {
        if (specs.Count is 0 or > PoolLabel.MaximumVdevs)
        {
            return new Fault(
                "vdev-count", $"a pool has 1 to {PoolLabel.MaximumVdevs} vdevs", "Name at least one device");
        }

        foreach (VdevSpec spec in specs)
        {
            string kind = LabelText.NameOf(spec.Kind);
            if (spec.Kind is VdevKind.Replacing or VdevKind.Spare
                || (spec.Role == VdevRole.Spare && spec.Kind != VdevKind.Disk)
                || (spec.Role == VdevRole.Log && spec.Kind is not (VdevKind.Disk or VdevKind.Mirror)))
            {
                return new Fault(
                    "vdev-kind",
                    $"a {kind} cannot be a {LabelText.NameOf(spec.Role)} vdev",
                    "Data: devices, mirror, raidz, raidz2, raidz3. Log: devices or mirrors. Spare: devices");
            }

            int least = spec.Kind == VdevKind.Disk ? 1 : Math.Max(2, VdevGeometry.ParityOf(spec.Kind) + 1);
            int most = spec.Kind == VdevKind.Disk ? 1 : VdevConfig.MaximumChildren;
            if (spec.Paths.Count >= least && spec.Paths.Count <= most) continue;
            return new Fault(
                "vdev-width",
                $"{kind}: has {spec.Paths.Count} devices, it takes {least} to {most}",
                spec.Kind == VdevKind.Disk
                    ? "Name one device" : $"Name at least {least} devices after '{kind}'");
        }

        return null;
    }

    // Only vdevs that places can name have lasting numbers.
    public static VdevSpec[] SparesLast(IReadOnlyList<VdevSpec> specs) =>
        [.. specs.OrderBy(spec => spec.Role == VdevRole.Spare)];

    private static string[] PathsOf(IReadOnlyList<VdevSpec> specs) =>
        [.. specs.SelectMany(spec => spec.Paths)];

    /// <summary>The vdevs that the specifications make of admitted devices, numbered from 0.</summary>
    public static CreationPlan Plan(
        ILoop loop, IReadOnlyList<VdevSpec> specs, IReadOnlyList<AdmittedDevice> admitted)
    {
        List<VdevConfig> tree = [];
        List<string> notes = [];
        int next = 0;
        foreach (VdevSpec spec in specs)
        {
            AdmittedDevice[] devices = [.. admitted.Skip(next).Take(spec.Paths.Count)];
            next += devices.Length;
            foreach (AdmittedDevice device in devices.Where(device => device.Overwrites is not null))
                notes.Add($"{device.Disk.Path}: {device.Overwrites}; it is overwritten");
            VdevConfig[] disks = [.. devices.Select((device, id) => NewDisk(loop, device.Disk, id))];
            if (spec.Kind == VdevKind.Disk)
            {
                tree.Add(disks[0] with { Id = tree.Count, Role = spec.Role });
                continue;
            }

            long childSectors = disks.Min(disk => disk.SizeSectors);
            foreach (VdevConfig disk in disks.Where(disk => disk.SizeSectors > childSectors))
            {
                long unusedBytes = (disk.SizeSectors - childSectors) << Layout.SectorShift;
                string kind = LabelText.NameOf(spec.Kind);
                notes.Add($"{disk.Path}: {unusedBytes >> 20} MiB unused beside its {kind}'s smallest device");
            }

            tree.Add(new VdevConfig
            {
                Kind = spec.Kind,
                Role = spec.Role,
                Guid = NewGuid(loop),
                Id = tree.Count,
                SizeSectors = VdevGeometry.Create(spec.Kind, disks.Length, childSectors).SectorCount,
                Children = disks,
            });
        }

        Check.That(tree.TrueForAll(vdev => vdev.Validate() is null));
        long sectors = tree.Where(vdev => vdev.Role == VdevRole.Data).Sum(vdev => vdev.SizeSectors);
        return new CreationPlan(tree, sectors << Layout.SectorShift, notes);
    }

    /// <summary>A device as it joins a pool.</summary>
    public static VdevConfig NewDisk(ILoop loop, IDisk disk, int id) => new()
    {
        Kind = VdevKind.Disk,
        Guid = NewGuid(loop),
        Id = id,
        SizeSectors = LabelBlock.DataSectors(disk.SizeBytes),
        Path = disk.Path,
    };

    public static Guid NewGuid(ILoop loop)
    {
        Span<byte> bytes = stackalloc byte[16];
        loop.FillRandom(bytes);
        return new Guid(bytes);
    }
}
