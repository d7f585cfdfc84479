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
        Outcome<IReadOnlyList<AdmittedDevice>> admitted =
            await DeviceAdmission.AdmitAsync(loop, PathsOf(specs), force);
        if (!admitted.IsOk) return admitted.Fault;
        CreationPlan plan = Plan(loop, poolName, specs, admitted.Value);
        foreach (AdmittedDevice device in admitted.Value) await device.Disk.CloseAsync();
        return plan;
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
        Outcome<IReadOnlyList<AdmittedDevice>> admitted =
            await DeviceAdmission.AdmitAsync(loop, PathsOf(specs), force);
        if (!admitted.IsOk) return admitted.Fault;
        CreationPlan plan = Plan(loop, poolName, specs, admitted.Value);
        PoolIdentity identity = new(poolName, poolGuid, host, [], []);
        Membership membership = new(log);
        membership.Touch();
        Vdev[] vdevs = BuildVdevs(plan, admitted.Value, membership);
        PoolDevices pool = new(loop, log, identity, membership, vdevs, PoolState.Creating, 0, false);
        if (await WriteAsync(loop, pool, vdevs, identity, plan) is not { } failure) return pool;
        await pool.CloseAsync();
        return failure;
    }

    private static async ValueTask<Fault?> WriteAsync(
        ILoop loop, PoolDevices pool, Vdev[] vdevs, PoolIdentity identity, CreationPlan plan)
    {
        Guid anyDevice = plan.Vdevs[0].Disks.First().Guid;
        if (!LabelBlock.Fits(identity.Label(PoolState.Creating, 1, anyDevice, plan.Vdevs)))
        {
            return new Fault(
                "pool-too-wide", "the names of so many devices do not fit into a label", "Use fewer devices");
        }

        PoolDevice[] devices = [.. vdevs.SelectMany(vdev => vdev.Devices)];
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
        if (specs.Count is 0 or > PoolLabel.MaximumVdevs)
        {
            return new Fault(
                "vdev-count", $"a pool has 1 to {PoolLabel.MaximumVdevs} vdevs", "Name at least one device");
        }

        foreach (VdevSpec spec in specs)
        {
            string kind = LabelText.NameOf(spec.Kind);
            if (!VdevGeometry.IsSupported(spec.Kind))
            {
                return new Fault(
                    "vdev-unsupported",
                    $"{kind}: this version has no such vdevs",
                    "Use plain devices or mirrors");
            }

            if (spec.Kind == VdevKind.Disk && spec.Paths.Count != 1)
            {
                return new Fault(
                    "vdev-width", $"a plain vdev has one device, not {spec.Paths.Count}", "Name one device");
            }

            if (spec.Kind != VdevKind.Disk && spec.Paths.Count is < 2 or > VdevConfig.MaximumChildren)
            {
                return new Fault(
                    "vdev-width",
                    $"{kind}: has {spec.Paths.Count} devices, it takes 2 to {VdevConfig.MaximumChildren}",
                    $"Name at least two devices after '{kind}'");
            }
        }

        return null;
    }

    private static string[] PathsOf(IReadOnlyList<VdevSpec> specs) =>
        [.. specs.SelectMany(spec => spec.Paths)];

    private static CreationPlan Plan(
        ILoop loop, string poolName, IReadOnlyList<VdevSpec> specs, IReadOnlyList<AdmittedDevice> admitted)
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
                tree.Add(disks[0] with { Id = tree.Count });
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
                Guid = NewGuid(loop),
                Id = tree.Count,
                SizeSectors = VdevGeometry.Create(spec.Kind, disks.Length, childSectors).SectorCount,
                Children = disks,
            });
        }

        Check.That(tree.TrueForAll(vdev => vdev.Validate() is null) && poolName.Length != 0);
        return new CreationPlan(tree, tree.Sum(vdev => vdev.SizeSectors) << Layout.SectorShift, notes);
    }

    private static Vdev[] BuildVdevs(
        CreationPlan plan, IReadOnlyList<AdmittedDevice> admitted, Membership membership)
    {
        int next = 0;
        List<Vdev> vdevs = [];
        foreach (VdevConfig config in plan.Vdevs)
        {
            PoolDevice[] devices =
                [.. config.Disks.Select(disk => new PoolDevice(disk, admitted[next++].Disk))];
            vdevs.Add(Vdev.Create(config, devices, membership));
        }

        return [.. vdevs];
    }

    private static VdevConfig NewDisk(ILoop loop, IDisk disk, int id) => new()
    {
        Kind = VdevKind.Disk,
        Guid = NewGuid(loop),
        Id = id,
        SizeSectors = LabelBlock.DataSectors(disk.SizeBytes),
        Path = disk.Path,
    };

    private static Guid NewGuid(ILoop loop)
    {
        Span<byte> bytes = stackalloc byte[16];
        loop.FillRandom(bytes);
        return new Guid(bytes);
    }
}
