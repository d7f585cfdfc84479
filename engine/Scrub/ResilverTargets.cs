using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.Raid;

namespace Cstor.Engine.Scrub;

/// <summary>
/// The devices that one resilver brings up to date, and what each lacks. One that is taken out of use while
/// the resilver runs has missed writes again, so it no longer counts, even if it is back.
/// </summary>
internal sealed class ResilverTargets
{
    private readonly (PoolDevice Device, int Absences)[] _devices;
    private readonly ulong[] _missingFrom;

    private ResilverTargets(PoolTree tree)
    {
        _devices =
        [
            .. tree.Vdevs.SelectMany(vdev => vdev.Devices).Where(device => device.IsRebuilding)
                .Select(device => (device, device.Absences)),
        ];
        _missingFrom =
        [
            .. tree.Vdevs.Select(vdev => vdev.Devices.Where(device => device.IsRebuilding)
                .Select(device => device.MissingFrom).DefaultIfEmpty(ulong.MaxValue).Min()),
        ];
    }

    /// <summary>Those that take writes and have been there since the resilver began.</summary>
    public IReadOnlyList<PoolDevice> Left =>
        [.. _devices.Where(IsLeft).Select(target => target.Device)];

    public bool IsAnyLeft => Array.Exists(_devices, IsLeft);

    /// <summary>Paths, for people.</summary>
    public string Names => string.Join(", ", _devices.Select(target => target.Device.Path));

    /// <summary>What was born before this, all of them have.</summary>
    public ulong MinimumBirth => _missingFrom.Min();

    public static ResilverTargets Of(PoolDevices devices) => new(devices.Tree);

    /// <summary>None was lost, and there is no other that is being brought up to date.</summary>
    public bool AreExactlyThoseOf(PoolDevices devices)
    {
        int count = 0;
        foreach (Vdev vdev in devices.Tree.Vdevs)
            foreach (PoolDevice device in vdev.Devices)
                if (device.IsRebuilding)
                    count++;
        return count == _devices.Length && Array.TrueForAll(_devices, IsLeft);
    }

    /// <summary>Whether a part of the block belongs on a target that may lack it.</summary>
    public bool Lack(PoolDevices devices, BlockPlace place, in BlockPointer pointer)
    {
        // A vdev that came later has no targets.
        if ((uint)place.Vdev >= (uint)_missingFrom.Length || pointer.BirthEpoch < _missingFrom[place.Vdev])
            return false;
        VdevGeometry geometry = devices.Geometry(place.Vdev);
        if (geometry.Parity == 0) return true;
        if (place.Sector + geometry.AllocatedSectors(pointer.PhysicalSectors) > geometry.SectorCount)
            return true;
        Span<Column> columns = stackalloc Column[geometry.MaximumColumns];
        int count = geometry.Plan(place.Sector, pointer.PhysicalSectors, columns);
        Vdev vdev = devices.Tree.Vdevs[place.Vdev];
        foreach (Column column in columns[..count])
            if (Array.Exists(vdev.Devices, device => device.IsRebuilding && device.Position == column.Child))
                return true;
        return false;
    }

    private static bool IsLeft((PoolDevice Device, int Absences) target) =>
        target.Device.IsRebuilding && target.Device.Absences == target.Absences;
}
