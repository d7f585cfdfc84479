// A top-level vdev: turns requests for its sectors into requests to its devices, by its geometry. A position
// of the geometry is filled by one device or by several that hold the same. Writes go to every device that
// is in use or being brought up to date; they are good if afterwards so many positions have them that
// everything can be read, and devices that failed are then taken out (see Membership): at any moment each
// device in use has every acknowledged write. If too many fail, none is taken out and the caller learns of
// it, except on a vdev for the log alone, which may lose all its devices: the log then moves (see CommitLog).
// Contents are not verified by plain reads: that is for the caller, who holds the checksum, and who comes
// back with ExamineAsync when it does not match.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>An open top-level vdev.</summary>
internal abstract class Vdev
{
    private readonly Stack<VdevWrite> _idleWrites = new(64);
    private readonly Stack<RequestGroup> _idleGroups = new(16);

    protected Vdev(VdevConfig config, VdevSlot[] slots, ILoop loop, Membership membership)
    {
        Kind = config.Kind is VdevKind.Replacing or VdevKind.Spare ? VdevKind.Disk : config.Kind;
        Guid = config.Guid;
        Id = config.Id;
        Role = config.Role;
        Loop = loop;
        Membership = membership;
        Slots = slots;
        Devices = [.. slots.SelectMany(slot => slot.Members)];
        SizeSectors = config.SizeSectors;
        Geometry = GeometryOf(SizeSectors);
        NumberPositions();
    }

    /// <summary>Disk, mirror or raidz.</summary>
    public VdevKind Kind { get; private set; }

    public Guid Guid { get; private set; }

    /// <summary>Number among the top-level vdevs.</summary>
    public int Id { get; set; }

    public VdevRole Role { get; }

    /// <summary>Children, in the label's order.</summary>
    public VdevSlot[] Slots { get; private set; }

    /// <summary>All devices of all slots, in that order; the array is never changed in place.</summary>
    public PoolDevice[] Devices { get; private set; }

    public VdevGeometry Geometry { get; private set; }

    public long SectorCount => Geometry.SectorCount;

    /// <summary>
    /// How often a vdev for the log lost all it needs to be read: what was on it then counts for nothing.
    /// </summary>
    public int Losses { get; private set; }

    /// <summary>
    /// The pool goes on without this vdev: it is for the log alone, and its devices are out of use.
    /// </summary>
    public bool IsLost => Role == VdevRole.Log && !StandsWithout(null);

    protected ILoop Loop { get; }

    protected Membership Membership { get; }

    private long SizeSectors { get; set; }

    /// <summary>Opens a vdev of a kind that has a geometry.</summary>
    public static Vdev Create(
        VdevConfig config, IReadOnlyList<PoolDevice> devices, ILoop loop, Membership membership)
    {
        VdevSlot[] slots = config.Kind is VdevKind.Mirror || VdevGeometry.ParityOf(config.Kind) > 0
            ? [.. config.Children.Select(child => SlotOf(child, devices))]
            : [SlotOf(config, devices)];
        return VdevGeometry.ParityOf(config.Kind) == 0
            ? new PlainVdev(config, slots, loop, membership)
            : new RaidzVdev(config, slots, loop, membership);
    }

    /// <summary>
    /// Whether so many positions have a device in use that everything can be read, apart from one device.
    /// </summary>
    public bool StandsWithout(PoolDevice? without)
    {
        Span<bool> good = stackalloc bool[Geometry.Width];
        foreach (PoolDevice device in Devices)
            if (device != without && device.IsCurrent)
                good[device.Position] = true;
        return good.Count(true) >= Geometry.Width - Geometry.Parity;
    }

    /// <summary>Whether a run of sectors, parity included, is within the vdev.</summary>
    public bool ContainsRaw(long sector, long sectors) =>
        sectors > 0 && sectors <= SectorCount && sector <= SectorCount - sectors;

    /// <summary>Whether a block of that many bytes is within the vdev.</summary>
    public bool Contains(long sector, long lengthBytes) =>
        lengthBytes is > 0 and <= int.MaxValue && lengthBytes % Layout.SectorBytes == 0
        && ContainsRaw(sector, Geometry.AllocatedSectors((int)(lengthBytes >> Layout.SectorShift)));

    /// <summary>The tree's branch as the next label will have it.</summary>
    public VdevConfig CurrentConfig()
    {
        if (Kind == VdevKind.Disk) return Slots[0].Config(Id) with { Role = Role };
        return new VdevConfig
        {
            Kind = Kind,
            Role = Role,
            Guid = Guid,
            Id = Id,
            SizeSectors = SizeSectors,
            Children = [.. Slots.Select((slot, id) => slot.Config(id))],
        };
    }

    /// <summary>
    /// Puts other devices into the slots; requests under way end with those they began with.
    /// </summary>
    /// <param name="kind">A disk becomes a mirror and back; raidz stays what it is.</param>
    /// <param name="guid">Of the mirror; ignored for a disk, whose identity is its device's.</param>
    /// <param name="slots">As many as before for raidz.</param>
    public void Rearrange(VdevKind kind, Guid guid, VdevSlot[] slots)
    {
        Check.That(Geometry.Parity == 0 ? kind is VdevKind.Disk or VdevKind.Mirror : kind == Kind);
        Check.That(Geometry.Parity == 0 || slots.Length == Slots.Length);
        Kind = kind;
        Guid = kind == VdevKind.Disk ? slots[0].Guid : guid;
        Slots = slots;
        Devices = [.. slots.SelectMany(slot => slot.Members)];
        NumberPositions();
        OnRearranged();
    }

    /// <summary>Uses what larger devices offer. The space is there once the labels say so.</summary>
    /// <returns>Whether there is more.</returns>
    public bool TryGrow()
    {
        long child = Devices.Min(device => device.SizeSectors);
        long sizeSectors = Geometry.Width * Math.Min(child, Layout.MaximumVdevSectors / Geometry.Width);
        if (sizeSectors <= SizeSectors) return false;
        SizeSectors = sizeSectors;
        Geometry = GeometryOf(sizeSectors);
        return true;
    }

    /// <summary>Reads one block.</summary>
    public abstract ValueTask<IoStatus> ReadAsync(long sector, IoSlice into);

    /// <summary>
    /// Reads blocks that follow each other, one slice each; on vdevs without parity the slices are just
    /// joined.
    /// </summary>
    public abstract ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into);

    /// <summary>
    /// Reads sectors as they lie, parity and padding included; zeroes for what cannot be read.
    /// </summary>
    public abstract ValueTask<IoStatus> ReadRawAsync(long sector, IoSlice into);

    /// <summary>
    /// Reads every part of a block, finds the contents that the check accepts by any combination that what
    /// was read allows, and says what was wrong.
    /// </summary>
    /// <param name="sector">The block's first.</param>
    /// <param name="into">The block's contents, if the outcome is Ok.</param>
    /// <param name="isRight">Whether contents are the block's.</param>
    /// <param name="mode">What to do about wrong parts.</param>
    public abstract ValueTask<Examination> ExamineAsync(
        long sector, IoSlice into, Func<IoSlice, bool> isRight, ExamineMode mode);

    /// <summary>Writes one block to every device in use or being brought up to date.</summary>
    public ValueTask<IoStatus> WriteAsync(long sector, IoSlice from) => WriteAsync(sector, [from]);

    /// <summary>
    /// Writes blocks that follow each other, one slice each; on vdevs without parity the slices are just
    /// joined. Ok if they can be read back from what is in use at the end.
    /// </summary>
    public abstract ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> blocks);

    /// <summary>Writes verified blocks to those devices alone that are being brought up to date.</summary>
    /// <returns>Ok also if such a device failed: it is then no longer one of them.</returns>
    public abstract ValueTask<IoStatus> RebuildAsync(long sector, ReadOnlySpan<IoSlice> blocks);

    /// <summary>Makes completed writes durable on every device in use or being brought up to date.</summary>
    public virtual ValueTask<IoStatus> FlushAsync() => StartFlush().EndAsync();

    /// <summary>As <see cref="FlushAsync"/>, telling an owner of several requests.</summary>
    public void Flush(IRequestOwner owner, int tag) => StartFlush().End(owner, tag);

    /// <summary>Advice that a run of sectors holds nothing of value: a device may ignore it.</summary>
    public abstract ValueTask<IoStatus> DiscardAsync(long sector, int sectors);

    /// <summary>
    /// Judges a write that each device took by itself: devices that failed are taken out of use if the
    /// others can stand in for them.
    /// </summary>
    /// <param name="devices">Those that were asked, or should have been.</param>
    /// <param name="statuses">By device; those not in use are ignored.</param>
    /// <param name="what">For the log: "failed a flush".</param>
    /// <returns>Ok if every device then in use has it.</returns>
    public IoStatus Settle(ReadOnlySpan<PoolDevice> devices, ReadOnlySpan<IoStatus> statuses, string what)
    {
        Span<bool> good = stackalloc bool[Geometry.Width];
        IoStatus failure = IoStatus.DeviceGone;
        bool isFailed = false;
        for (int i = 0; i < devices.Length; i++)
        {
            if (!IsMember(devices[i])) continue;
            if (statuses[i] != IoStatus.Ok && devices[i].IsRebuilding) Exclude(devices[i], statuses[i], what);
            if (!devices[i].IsCurrent) continue;
            if (statuses[i] == IoStatus.Ok)
            {
                good[devices[i].Position] = true;
                continue;
            }

            isFailed = true;
            failure = statuses[i];
        }

        // A device may have taken another's place meanwhile: it was brought up to date before it counted.
        if (!isFailed && StandsWithout(null)) return IoStatus.Ok;
        bool stands = good.Count(true) >= Geometry.Width - Geometry.Parity;
        if (!stands && (Role != VdevRole.Log || !isFailed)) return failure;
        if (!isFailed) return IoStatus.Ok;
        for (int i = 0; i < devices.Length; i++)
            if (statuses[i] != IoStatus.Ok && devices[i].IsCurrent && IsMember(devices[i]))
                Exclude(devices[i], statuses[i], what);
        if (IsLost) Losses++;
        return stands ? IoStatus.Ok : failure;
    }

    /// <summary>
    /// Takes a device that does not answer out of use, if the pool can go on without it.
    /// </summary>
    public void OnHang(PoolDevice device)
    {
        if (!device.IsWritable || (Role != VdevRole.Log && !StandsWithout(device))) return;
        bool wasLost = IsLost;
        Membership.Exclude(device, VdevState.Removed, "does not answer");
        if (IsLost && !wasLost) Losses++;
    }

    internal void Recycle(VdevWrite write) => _idleWrites.Push(write);

    protected virtual void OnRearranged()
    {
    }

    protected VdevWrite RentWrite() =>
        _idleWrites.TryPop(out VdevWrite? idle) ? idle : new VdevWrite(this);

    protected RequestGroup RentGroup() =>
        _idleGroups.TryPop(out RequestGroup? idle) ? idle : new RequestGroup();

    protected void Return(RequestGroup group) => _idleGroups.Push(group);

    private VdevWrite StartFlush()
    {
        VdevWrite flush = RentWrite();
        flush.Begin("failed a flush");
        for (int i = 0; i < flush.Devices.Length; i++)
            if (flush.Devices[i].IsWritable)
                flush.Flush(i);
        return flush;
    }

    // One that has left since the request began stands for nothing any more.
    private bool IsMember(PoolDevice device) => Array.IndexOf(Devices, device) >= 0;

    private void Exclude(PoolDevice device, IoStatus status, string what) => Membership.Exclude(
        device, status == IoStatus.DeviceGone ? VdevState.Removed : VdevState.Faulted, $"{what} ({status})");

    private void NumberPositions()
    {
        for (int slot = 0; slot < Slots.Length; slot++)
            foreach (PoolDevice member in Slots[slot].Members)
                member.Position = Geometry.Parity == 0 ? 0 : slot;
    }

    private VdevGeometry GeometryOf(long sizeSectors)
    {
        int width = VdevGeometry.ParityOf(Kind) == 0 ? 1 : Slots.Length;
        return VdevGeometry.Create(Kind, Slots.Length, sizeSectors / width);
    }

    private static VdevSlot SlotOf(VdevConfig config, IReadOnlyList<PoolDevice> devices)
    {
        PoolDevice[] members =
            [.. config.Disks.Select(disk => devices.First(device => device.Guid == disk.Guid))];
        return new VdevSlot(config.Kind, config.Guid, members);
    }
}
