using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Maintenance;

/// <summary>New top-level vdevs, log devices and spares.</summary>
internal sealed class VdevAddition(PoolCore pool)
{
    public async ValueTask<Outcome<CreationPlan>> AddAsync(
        IReadOnlyList<VdevSpec> specs, bool force, bool dryRun)
    {
        PoolTree before = pool.Devices.Tree;
        if (PoolCreation.CheckVdevs(specs) is { } fault) return fault;
        if (before.Vdevs.Length + before.Spares.Length + specs.Count > PoolLabel.MaximumVdevs)
            return new Fault("vdev-count", $"a pool has at most {PoolLabel.MaximumVdevs} vdevs");
        if (!force && Weaker(before, specs) is { } weaker) return weaker;
        specs = PoolCreation.SparesLast(specs);
        Outcome<IReadOnlyList<AdmittedDevice>> admitted = await DeviceAdmission.AdmitAsync(
            pool.Loop, [.. specs.SelectMany(spec => spec.Paths)], force);
        if (!admitted.IsOk) return admitted.Fault;
        if (await MemberCheck.FindAsync(pool, admitted.Value, Guid.Empty) is { } member)
        {
            foreach (AdmittedDevice device in admitted.Value) await device.Disk.CloseAsync();
            return member;
        }

        CreationPlan plan = PoolCreation.Plan(pool.Loop, specs, admitted.Value);
        PoolDevice[] devices =
            [.. plan.Vdevs.SelectMany(vdev => vdev.Disks)
                .Select((disk, index) => new PoolDevice(disk, admitted.Value[index].Disk))];
        Outcome<CreationPlan> result = PoolCreation.TooLarge(plan) is { } tooLarge ? tooLarge
            : dryRun ? plan : await JoinAsync(before, plan, devices);
        if (!dryRun && result.IsOk) return result;
        foreach (PoolDevice device in devices) await device.CloseAsync();
        return result;
    }

    private async ValueTask<Outcome<CreationPlan>> JoinAsync(
        PoolTree before, CreationPlan plan, PoolDevice[] devices)
    {
        PoolTree added = pool.Devices.OpenTree(plan.Vdevs, devices);
        for (int i = 0; i < added.Vdevs.Length; i++) added.Vdevs[i].Id = before.Vdevs.Length + i;
        PoolTree after =
            new([.. before.Vdevs, .. added.Vdevs], [.. before.Spares, .. added.Spares]);
        if (!pool.Devices.FitsLabel(after))
            return new Fault(
                "pool-too-wide", "the names of so many devices do not fit into a label", "Use fewer devices");
        foreach (PoolDevice device in devices)
        {
            IoStatus wiped = await LabelStore.WipeAsync(device, pool.Loop.Buffers);
            if (wiped != IoStatus.Ok)
                return new Fault("device-write-failed", $"{device.Path}: cannot be written ({wiped})",
                    "Use another device; the pool is as it was");
        }

        string paths = string.Join(", ", devices.Select(device => device.Path));
        string change = $"{paths} join";
        MaintenanceLog.Changed(pool.Logger, pool.Devices.PoolName, change);
        IoStatus status = await pool.Devices.SaveTreeAsync(after);
        if (status != IoStatus.Ok)
            return new Fault("label-write-failed", $"the labels could not be written ({status})",
                "Look at: cstor pool status");
        // Not before all labels know the vdev: no import may find a place that it cannot name.
        foreach (Vdev vdev in added.Vdevs) pool.Allocator.AddVdev(vdev.Geometry, vdev.Role);
        pool.Writer.Resume();
        return plan;
    }

    private static Fault? Weaker(PoolTree before, IReadOnlyList<VdevSpec> specs)
    {
        int least = before.Vdevs.Where(vdev => vdev.Role == VdevRole.Data)
            .Min(vdev => vdev.Geometry.Parity == 0 ? vdev.Slots.Length - 1 : vdev.Geometry.Parity);
        foreach (VdevSpec spec in specs.Where(spec => spec.Role == VdevRole.Data))
        {
            int parity = VdevGeometry.ParityOf(spec.Kind);
            int spared = parity == 0 ? spec.Paths.Count - 1 : parity;
            if (spared < least)
                return new Fault(
                    "vdev-weaker",
                    $"the new {LabelText.NameOf(spec.Kind)} survives the loss of {spared} devices, "
                        + $"the pool's vdevs that of {least}: losing it loses the pool",
                    "Add a vdev with as much redundancy, or use -f");
        }

        return null;
    }
}
