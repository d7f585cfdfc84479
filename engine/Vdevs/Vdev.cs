using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>An open top-level vdev: turns requests for its sectors into requests to its devices.</summary>
internal abstract class Vdev
{
    protected Vdev(VdevConfig config, PoolDevice[] devices, Membership membership)
    {
        Config = config;
        Devices = devices;
        Membership = membership;
        Geometry = VdevGeometry.Create(config.Kind, devices.Length, config.SizeSectors);
        SectorCount = Geometry.SectorCount;
    }

    public PoolDevice[] Devices { get; }

    public VdevGeometry Geometry { get; }

    public long SectorCount { get; }

    public VdevRole Role => Config.Role;

    /// <summary>
    /// As the label had it when it was opened; the devices' own state is in <see cref="Devices"/>.
    /// </summary>
    protected VdevConfig Config { get; }

    protected Membership Membership { get; }

    public static Vdev Create(VdevConfig config, PoolDevice[] devices, Membership membership) =>
        config.Kind == VdevKind.Disk
            ? new DiskVdev(config, devices, membership)
            : new MirrorVdev(config, devices, membership);

    public bool Contains(long sector, long lengthBytes) =>
        lengthBytes > 0 && lengthBytes % Layout.SectorBytes == 0
        && sector <= SectorCount - (lengthBytes >> Layout.SectorShift);

    /// <summary>The tree's branch as the next label will have it.</summary>
    public VdevConfig CurrentConfig() => Config.Kind == VdevKind.Disk
        ? Devices[0].Config with { Role = Config.Role }
        : Config with { Children = [.. Devices.Select(device => device.Config)] };

    /// <summary>Reads from whichever device answers best, from another one if that fails.</summary>
    public abstract ValueTask<IoStatus> ReadAsync(long sector, IoSlice into);

    public abstract ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into);

    /// <summary>Reads by one way and no other.</summary>
    public abstract ValueTask<IoStatus> ReadCopyAsync(long sector, int copy, IoSlice into);

    /// <summary>Rewrites what <see cref="ReadCopyAsync"/> of the same copy reads.</summary>
    public abstract ValueTask<IoStatus> RepairCopyAsync(long sector, int copy, IoSlice good);

    /// <summary>
    /// Writes everything the block needs; Ok if it can be read back from what is in use at the end.
    /// </summary>
    public abstract ValueTask<IoStatus> WriteAsync(long sector, IoSlice from);

    public abstract ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> from);

    /// <summary>Makes completed writes durable on every device in use.</summary>
    public abstract ValueTask<IoStatus> FlushAsync();

    /// <summary>As <see cref="FlushAsync"/>, telling an owner of several requests.</summary>
    public abstract void Flush(IRequestOwner owner, int tag);

    public abstract ValueTask<IoStatus> DiscardAsync(long sector, int sectors);

    /// <summary>Counts wrong contents against the devices that a copy came from.</summary>
    public abstract void NoteChecksumError(int copy);

    /// <summary>
    /// Judges a write that went to each device by itself (labels, uberblocks, flushes): devices that failed
    /// are taken out of use if another one in use can stand in for them.
    /// </summary>
    /// <param name="statuses">By device; those not in use are ignored.</param>
    /// <param name="what">For the log: "failed a flush".</param>
    /// <returns>Ok if every device then in use has it.</returns>
    public IoStatus Settle(ReadOnlySpan<IoStatus> statuses, string what)
    {
        int current = 0;
        int good = 0;
        IoStatus failure = IoStatus.DeviceGone;
        for (int i = 0; i < Devices.Length; i++)
        {
            if (!Devices[i].IsCurrent) continue;
            current++;
            if (statuses[i] == IoStatus.Ok) good++;
            else failure = statuses[i];
        }

        if (current > 0 && good == current) return IoStatus.Ok;
        if (good < 1) return failure;
        for (int i = 0; i < Devices.Length; i++)
        {
            if (statuses[i] == IoStatus.Ok) continue;
            VdevState state = statuses[i] == IoStatus.DeviceGone ? VdevState.Removed : VdevState.Faulted;
            Membership.Exclude(Devices[i], state, $"{what} ({statuses[i]})");
        }

        return IoStatus.Ok;
    }
}
