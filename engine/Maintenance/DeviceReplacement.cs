using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Maintenance;

/// <summary>Devices that take each other's place, join a mirror or leave one.</summary>
internal sealed class DeviceReplacement(PoolCore pool)
{
    private PoolDevices Devices => pool.Devices;

    public async ValueTask<Outcome<Unit>> ReplaceAsync(string name, string? newPath, bool force)
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(Devices.Tree, name);
        if (!found.IsOk) return found.Fault;
        (PoolDevice old, Vdev? vdev, int slot) = found.Value;
        if (vdev is null)
            return new Fault("device-spare", $"{old.Path}: is a spare", "Detach it, and add the other");
        VdevSlot before = vdev.Slots[slot];
        bool hasSpare = before.Kind == VdevKind.Spare && before.Members[0] == old;
        if (before.Kind != VdevKind.Disk && !hasSpare)
            return new Fault("device-replacing", $"{old.Path}: is being replaced already",
                "Wait for that, or detach one of the two");
        if (newPath is null && old.IsWritable)
            return new Fault("device-in-use", $"{old.Path}: is in use, there is no other device there",
                "Name the new device, or take this one offline and exchange it first");
        if (newPath is null) await old.ReleaseDiskAsync();
        Outcome<PoolDevice> joined = await TakeAsync(newPath ?? old.Path, vdev, force, old.Guid);
        if (!joined.IsOk) return joined.Fault;
        // Meanwhile the old device may have become the last that has everything.
        if (hasSpare && old.IsCurrent && !vdev.StandsWithout(old))
        {
            if (!Devices.Tree.Spares.Contains(joined.Value)) await joined.Value.CloseAsync();
            return new Fault("device-last-copy", $"{old.Path}: has the last good copy",
                "Wait until the other devices are up to date (see: cstor pool status)");
        }

        VdevSlot after = hasSpare
            ? new VdevSlot(VdevKind.Spare, before.Guid, [joined.Value, .. before.Members[1..]])
            : new VdevSlot(VdevKind.Replacing, NewGuid(), [old, joined.Value]);
        PoolTree tree = WithoutSpare(joined.Value);
        Put(vdev, slot, after);
        Outcome<Unit> saved = await TreeChange.SaveAsync(pool, tree,
            $"{joined.Value.Path} takes the place of {old.Path}");
        if (saved.IsOk && hasSpare) await LeaveAsync(old);
        return saved;
    }

    public async ValueTask<Outcome<Unit>> AttachAsync(string name, string newPath, bool force)
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(Devices.Tree, name);
        if (!found.IsOk) return found.Fault;
        (PoolDevice old, Vdev? vdev, int slot) = found.Value;
        if (vdev is null)
            return new Fault("device-spare", $"{old.Path}: is a spare",
                "Add the other as a spare of its own");
        if (vdev.Geometry.Parity > 0)
            return new Fault("vdev-raidz", $"{old.Path}: is in a raidz, which does not become wider",
                "Add another vdev: cstor pool add");
        if (vdev.Slots[slot].Kind != VdevKind.Disk)
            return new Fault("device-replacing", $"{old.Path}: is being replaced", "Wait for that");
        if (vdev.Slots.Length >= VdevConfig.MaximumChildren)
            return new Fault("vdev-width", $"the mirror has {vdev.Slots.Length} devices, the most possible");
        Outcome<PoolDevice> joined = await TakeAsync(newPath, vdev, force, Guid.Empty);
        if (!joined.IsOk) return joined.Fault;
        PoolTree tree = WithoutSpare(joined.Value);
        Guid guid = vdev.Kind == VdevKind.Mirror ? vdev.Guid : NewGuid();
        vdev.Rearrange(VdevKind.Mirror, guid, [.. vdev.Slots, VdevSlot.Of(joined.Value)]);
        return await TreeChange.SaveAsync(pool, tree, $"{joined.Value.Path} joins {old.Path} in a mirror");
    }

    public async ValueTask<Outcome<Unit>> DetachAsync(string name)
    {
        Outcome<DeviceLookup> found = DeviceLookup.Find(Devices.Tree, name);
        if (!found.IsOk) return found.Fault;
        (PoolDevice device, Vdev? vdev, int slot) = found.Value;
        PoolTree tree = Devices.Tree;
        if (vdev is null)
        {
            tree = tree with { Spares = [.. tree.Spares.Where(spare => spare != device)] };
            return await EndAsync(tree, device, $"spare {device.Path} leaves");
        }

        VdevSlot before = vdev.Slots[slot];
        if (before.Kind == VdevKind.Disk && (vdev.Kind != VdevKind.Mirror || vdev.Slots.Length < 2))
            return new Fault("device-no-mirror",
                $"{device.Path}: is a {LabelText.NameOf(vdev.Kind)}'s only device for its part",
                "Only devices of mirrors, replacements and spares can be detached");
        if (!vdev.StandsWithout(device))
            return new Fault("device-last-copy", $"{device.Path}: has the last good copy",
                "Wait until the other devices are up to date (see: cstor pool status)");
        bool isSpare = before.Kind == VdevKind.Spare && before.Members[0] != device;
        if (before.Kind == VdevKind.Disk)
        {
            VdevSlot[] left = [.. vdev.Slots.Where(other => other != before)];
            vdev.Rearrange(left.Length == 1 ? VdevKind.Disk : VdevKind.Mirror, vdev.Guid, left);
        }
        else
        {
            PoolDevice[] left = [.. before.Members.Where(member => member != device)];
            Put(vdev, slot, left.Length == 1 ? VdevSlot.Of(left[0])
                : new VdevSlot(before.Kind, before.Guid, left));
        }

        if (!isSpare) return await EndAsync(tree, device, $"{device.Path} leaves");
        device.BecomeSpare();
        tree = tree with { Spares = [.. tree.Spares, device] };
        return await TreeChange.SaveAsync(pool, tree, $"{device.Path} is a spare again");
    }

    /// <summary>Ends replacements whose new device is complete, sends spares back, and grows vdevs.</summary>
    public async ValueTask FinishAsync()
    {
        PoolTree tree = Devices.Tree;
        List<PoolDevice> leaving = [];
        foreach (Vdev vdev in tree.Vdevs)
        {
            for (int slot = 0; slot < vdev.Slots.Length; slot++)
            {
                VdevSlot before = vdev.Slots[slot];
                if (before.Kind == VdevKind.Replacing && before.Members[^1].IsCurrent)
                {
                    leaving.AddRange(before.Members[..^1]);
                    Put(vdev, slot, VdevSlot.Of(before.Members[^1]));
                }
                else if (before.Kind == VdevKind.Spare && before.Members[0].IsCurrent)
                {
                    foreach (PoolDevice spare in before.Members[1..]) spare.BecomeSpare();
                    tree = tree with { Spares = [.. tree.Spares, .. before.Members[1..]] };
                    Put(vdev, slot, VdevSlot.Of(before.Members[0]));
                }
            }
        }

        Vdev[] grown = [.. tree.Vdevs.Where(vdev => vdev.TryGrow())];
        if (leaving.Count == 0 && grown.Length == 0 && tree == Devices.Tree) return;
        if (!(await TreeChange.SaveAsync(pool, tree,
            "devices are complete, those they replace leave")).IsOk) return;
        foreach (PoolDevice device in leaving) await LeaveAsync(device);
        // Not before the labels have the new size: what is allocated must be inside the vdev at any import.
        foreach (Vdev vdev in grown) pool.Allocator.Grow(vdev.Id, vdev.SectorCount);
        if (grown.Length > 0) pool.Writer.Resume();
    }

    /// <summary>Admits, wipes and opens a device as one that lacks everything.</summary>
    private async ValueTask<Outcome<PoolDevice>> TakeAsync(
        string path, Vdev vdev, bool force, Guid replaced)
    {
        long neededSectors = vdev.Geometry.ChildSectors;
        if (Array.Find(Devices.Tree.Spares, spare => spare.Path == path && spare.IsPresent) is { } known)
        {
            if (known.SizeSectors < neededSectors) return TooSmall(path, known.SizeSectors, neededSectors);
            known.LackEverything();
            return known;
        }

        Outcome<IReadOnlyList<AdmittedDevice>> admitted =
            await DeviceAdmission.AdmitAsync(pool.Loop, [path], force);
        if (!admitted.IsOk) return admitted.Fault;
        IDisk disk = admitted.Value[0].Disk;
        if (await MemberCheck.FindAsync(pool, admitted.Value, replaced) is { } member)
        {
            await disk.CloseAsync();
            return member;
        }

        VdevConfig config = PoolCreation.NewDisk(pool.Loop, disk, 0) with { MissingFrom = 1 };
        if (config.SizeSectors < neededSectors)
        {
            await disk.CloseAsync();
            return TooSmall(path, config.SizeSectors, neededSectors);
        }

        PoolDevice device = new(config, disk);
        pool.Devices.Watch.Adopt(device);
        IoStatus status = await LabelStore.WipeAsync(device, pool.Loop.Buffers);
        if (status == IoStatus.Ok) return device;
        await device.CloseAsync();
        return new Fault("device-write-failed", $"{path}: cannot be written ({status})",
            "Use another device");
    }

    private static Fault TooSmall(string path, long sectors, long needed) => new(
        "device-too-small",
        $"{path}: has {sectors << Layout.SectorShift} usable bytes, "
            + $"{needed << Layout.SectorShift} are needed in this place",
        "Use a device at least as large as the smallest of the vdev");

    private PoolTree WithoutSpare(PoolDevice device)
    {
        PoolTree tree = Devices.Tree;
        return tree with { Spares = [.. tree.Spares.Where(spare => spare != device)] };
    }

    private static void Put(Vdev vdev, int slot, VdevSlot after)
    {
        VdevSlot[] slots = [.. vdev.Slots];
        slots[slot] = after;
        vdev.Rearrange(vdev.Kind, vdev.Guid, slots);
    }

    private async ValueTask<Outcome<Unit>> EndAsync(PoolTree tree, PoolDevice device, string change)
    {
        Outcome<Unit> saved = await TreeChange.SaveAsync(pool, tree, change);
        if (saved.IsOk) await LeaveAsync(device);
        return saved;
    }

    // The others' labels no longer know it. Its own are cleared, so that nobody takes it for a member.
    private async ValueTask LeaveAsync(PoolDevice device)
    {
        if (device.IsPresent && await LabelStore.WipeAsync(device, pool.Loop.Buffers) is var status
            and not IoStatus.Ok)
            MaintenanceLog.Failed(pool.Logger, Devices.PoolName,
                $"{device.Path} has left, but its labels could not be cleared ({status})");
        await device.ReleaseDiskAsync();
    }

    private Guid NewGuid() => PoolCreation.NewGuid(pool.Loop);
}
