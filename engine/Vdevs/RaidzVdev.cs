// Reads take the data columns alone; those that fail, or whose devices are out of use, are computed from
// parity. Blocks that follow each other are written with one request to each device: on every child their
// columns lie behind each other, with nothing but the padding between, whose contents do not matter.
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Vdevs;

/// <summary>A raidz of one to three parity columns.</summary>
internal sealed class RaidzVdev : Vdev
{
    private readonly Stack<RaidzStripe> _idleStripes = new(8);
    private readonly Stack<RaidzRun> _idleRuns = new(8);
    private readonly RaidzLayout _layout;
    private readonly RaidzExaminer _examiner;
    private PoolDevice?[] _readers;

    public RaidzVdev(VdevConfig config, VdevSlot[] slots, ILoop loop, Membership membership)
        : base(config, slots, loop, membership)
    {
        _layout = new RaidzLayout(loop, Geometry.Width);
        _examiner = new RaidzExaminer(this, loop);
        _readers = new PoolDevice?[Geometry.Width];
    }

    public override ValueTask<IoStatus> ReadAsync(long sector, IoSlice into) => ReadBlockAsync(sector, into);

    public override ValueTask<IoStatus> ReadAsync(long sector, ReadOnlySpan<IoSlice> into)
    {
        if (into.Length == 1) return ReadBlockAsync(sector, into[0]);
        RaidzRun run = _idleRuns.TryPop(out RaidzRun? idle) ? idle : new RaidzRun();
        run.Begin(sector, into);
        return ReadRunAsync(run);
    }

    public override async ValueTask<IoStatus> ReadRawAsync(long sector, IoSlice into)
    {
        into.Span.Clear();
        int sectors = into.LengthBytes >> Layout.SectorShift;
        IoSlice[][] runs = RaidzLayout.RunsOf(Geometry.Width, sector, into);
        RequestGroup group = RentGroup();
        group.Begin(Geometry.Width);
        int good = 0;
        for (int position = 0; position < runs.Length; position++)
        {
            if (runs[position].Length == 0 || Reader(position) is not { } device) continue;
            group.Expect();
            long first = RaidzLayout.FirstOn(Geometry.Width, sector, position);
            device.Read(PoolDevice.OffsetOf(first), runs[position], group, position);
        }

        await group.WhenEndedAsync();
        IoStatus failure = IoStatus.DeviceGone;
        for (int position = 0; position < runs.Length; position++)
        {
            if (runs[position].Length == 0) continue;
            if (group.Statuses[position] == IoStatus.Ok && Reader(position) is not null) good++;
            else failure = group.Statuses[position];
        }

        Return(group);
        Check.That(sectors > 0);
        return good > 0 ? IoStatus.Ok : failure;
    }

    public override ValueTask<IoStatus> WriteAsync(long sector, ReadOnlySpan<IoSlice> blocks) =>
        Write(sector, blocks, rebuildingOnly: false);

    public override ValueTask<IoStatus> RebuildAsync(long sector, ReadOnlySpan<IoSlice> blocks) =>
        Write(sector, blocks, rebuildingOnly: true);

    public override async ValueTask<IoStatus> DiscardAsync(long sector, int sectors)
    {
        IoBatch discards = new();
        int count = 0;
        foreach (PoolDevice device in Devices)
        {
            long first = RaidzLayout.FirstOn(Geometry.Width, sector, device.Position);
            long end = RaidzLayout.FirstOn(Geometry.Width, sector + sectors, device.Position);
            if (!device.IsWritable || end <= first) continue;
            count++;
            discards.Add(device.DiscardAsync(PoolDevice.OffsetOf(first),
                (end - first) << Layout.SectorShift));
        }

        IoStatus result = IoStatus.NotSupported;
        foreach (IoStatus status in await discards.NextAsync(count))
            if (status == IoStatus.Ok || result == IoStatus.NotSupported)
                result = status;
        return result;
    }

    public override ValueTask<Examination> ExamineAsync(
        long sector, IoSlice into, Func<IoSlice, bool> isRight, ExamineMode mode) =>
        _examiner.ExamineAsync(sector, into, isRight, mode);

    internal RaidzStripe RentStripe() =>
        _idleStripes.TryPop(out RaidzStripe? idle) ? idle : new RaidzStripe();

    internal void Return(RaidzStripe stripe) => _idleStripes.Push(stripe);

    internal RequestGroup RentColumns() => RentGroup();

    internal void ReturnColumns(RequestGroup group) => Return(group);

    /// <summary>The device of a position that holds everything, or null.</summary>
    internal PoolDevice? Reader(int position)
    {
        // Asked again each time it went out of use; a position has one device but for replacements.
        PoolDevice? known = _readers[position];
        if (known is { IsCurrent: true, IsAvoided: false }) return known;
        PoolDevice? best = null;
        foreach (PoolDevice member in Slots[position].Members)
            if (member.IsCurrent && !member.IsHung && (best is null || best.IsAvoided))
                best = member;
        return _readers[position] = best;
    }

    protected override void OnRearranged() => _readers = new PoolDevice?[Geometry.Width];

    // One request to each device, parity included if it lies between; if anything fails, block by block.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> ReadRunAsync(RaidzRun run)
    {
        IoStatus status = IoStatus.DeviceGone;
        IoBuffer? waste = Loop.Buffers.TryRent(RaidzLayout.WasteBytes);
        if (waste is not null && AllAreReadable())
        {
            RequestGroup group = RentGroup();
            StartRun(run, waste.First(RaidzLayout.WasteBytes), group);
            await group.WhenEndedAsync();
            status = Worst(group, 0, Geometry.Width);
            Return(group);
        }

        waste?.Release();
        for (int i = 0; i < run.Count && status is not (IoStatus.Ok or IoStatus.DeviceTimeout); i++)
        {
            IoStatus single = await ReadBlockAsync(run.SectorOf(i, Geometry), run.Block(i));
            if (single != IoStatus.Ok || i == run.Count - 1) status = single;
            if (single != IoStatus.Ok) break;
        }

        _idleRuns.Push(run);
        return status;
    }

    private bool AllAreReadable()
    {
        for (int position = 0; position < Geometry.Width; position++)
            if (Reader(position) is null or { IsAvoided: true })
                return false;
        return true;
    }

    private void StartRun(RaidzRun run, IoSlice waste, RequestGroup group)
    {
        RaidzStripe stripe = RentStripe();
        _layout.Begin(run.Sector);
        for (int i = 0; i < run.Count; i++)
        {
            stripe.Plan(Geometry, run.SectorOf(i, Geometry), run.Block(i).LengthBytes);
            _layout.AddRead(stripe, run.Block(i), waste);
        }

        Return(stripe);
        group.Begin(Geometry.Width);
        for (int position = 0; position < Geometry.Width; position++)
        {
            if (_layout.DataSlicesOf(position) is not { IsEmpty: false } slices) continue;
            group.Expect();
            Reader(position)!.Read(PoolDevice.OffsetOf(_layout.FirstOf(position)), slices, group, position);
        }
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> ReadBlockAsync(long sector, IoSlice into)
    {
        RaidzStripe stripe = RentStripe();
        RequestGroup group = RentGroup();
        stripe.Plan(Geometry, sector, into.LengthBytes);
        stripe.Place(into, default);
        bool isAvoiding = ReadColumns(stripe, stripe.ParityCount, stripe.Count, group, mayAvoid: true);
        await group.WhenEndedAsync();
        IoStatus status = Worst(group, stripe.ParityCount, stripe.Count);
        // Memory that a device may still write into is of no use to the others.
        if (status is not (IoStatus.Ok or IoStatus.DeviceTimeout))
            status = await ReconstructAsync(stripe, into, group);
        if (isAvoiding && status is not (IoStatus.Ok or IoStatus.DeviceTimeout))
        {
            ReadColumns(stripe, stripe.ParityCount, stripe.Count, group, mayAvoid: false);
            await group.WhenEndedAsync();
            status = Worst(group, stripe.ParityCount, stripe.Count);
        }

        Return(group);
        Return(stripe);
        return status;
    }

    // The data columns that failed are in the group. More may fail while parity is read.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> ReconstructAsync(RaidzStripe stripe, IoSlice data, RequestGroup group)
    {
        IoBuffer? parity = Loop.Buffers.TryRent(stripe.ParityBytes);
        if (parity is null) return IoStatus.NoMemory;
        stripe.Place(data, parity.First(stripe.ParityBytes));
        RequestGroup parityGroup = RentGroup();
        ReadColumns(stripe, 0, stripe.ParityCount, parityGroup, mayAvoid: false);
        await parityGroup.WhenEndedAsync();
        IoStatus status = Worst(parityGroup, 0, stripe.ParityCount) == IoStatus.DeviceTimeout
            ? IoStatus.DeviceTimeout
            : Solve(stripe, group, parityGroup);
        Return(parityGroup);
        parity.Release();
        return status;
    }

    private static IoStatus Solve(RaidzStripe stripe, RequestGroup data, RequestGroup parity)
    {
        Span<int> lost = stackalloc int[stripe.ParityCount];
        Span<int> used = stackalloc int[stripe.ParityCount];
        IoStatus failure = IoStatus.Ok;
        int lostCount = 0;
        for (int i = stripe.ParityCount; i < stripe.Count; i++)
        {
            if (data.Statuses[i] == IoStatus.Ok) continue;
            failure = data.Statuses[i];
            if (lostCount == lost.Length) return failure;
            lost[lostCount++] = i;
        }

        int usedCount = 0;
        for (int i = 0; i < stripe.ParityCount && usedCount < lostCount; i++)
            if (parity.Statuses[i] == IoStatus.Ok)
                used[usedCount++] = i;
        if (usedCount < lostCount) return failure;
        stripe.Reconstruct(lost[..lostCount], used[..usedCount]);
        return IoStatus.Ok;
    }

    /// <returns>Whether a slow device was spared, whose column can be read all the same.</returns>
    private bool ReadColumns(RaidzStripe stripe, int from, int end, RequestGroup group, bool mayAvoid)
    {
        bool isAvoiding = false;
        group.Begin(stripe.Count);
        for (int i = from; i < end; i++)
        {
            Column column = stripe.Column(i);
            if (Reader(column.Child) is not { } device || (mayAvoid && device.IsAvoided))
            {
                isAvoiding |= Reader(column.Child) is not null;
                group.Set(i, IoStatus.DeviceGone);
                continue;
            }

            group.Expect();
            device.Read(PoolDevice.OffsetOf(column.Sector), [stripe.BytesOf(i)], group, i);
        }

        return isAvoiding;
    }

    private static IoStatus Worst(RequestGroup group, int from, int end)
    {
        IoStatus worst = IoStatus.Ok;
        for (int i = from; i < end; i++)
        {
            IoStatus status = group.Statuses[i];
            if (status == IoStatus.DeviceTimeout) return status;
            if (status != IoStatus.Ok) worst = status;
        }

        return worst;
    }

    private ValueTask<IoStatus> Write(long sector, ReadOnlySpan<IoSlice> blocks, bool rebuildingOnly)
    {
        VdevWrite write = RentWrite();
        write.Begin(rebuildingOnly ? "failed to be brought up to date" : "failed a write");
        RaidzStripe stripe = RentStripe();
        _layout.Begin(sector);
        IoStatus status = IoStatus.Ok;
        foreach (IoSlice block in blocks)
        {
            stripe.Plan(Geometry, sector, block.LengthBytes);
            status = _layout.Add(stripe, block, write);
            if (status != IoStatus.Ok) break;
            sector += Geometry.AllocatedSectors(block.LengthBytes >> Layout.SectorShift);
        }

        Return(stripe);
        for (int i = 0; i < write.Devices.Length && status == IoStatus.Ok; i++)
        {
            PoolDevice device = write.Devices[i];
            ReadOnlySpan<IoSlice> slices = _layout.SlicesOf(device.Position);
            if (slices.IsEmpty || !(rebuildingOnly ? device.IsRebuilding : device.IsWritable)) continue;
            write.Write(i, PoolDevice.OffsetOf(_layout.FirstOf(device.Position)), slices);
        }

        if (status == IoStatus.Ok) return write.EndAsync();
        return FailAsync(write, status);
    }

    // Nothing was sent; the operation ends so that its buffers go back.
    private static async ValueTask<IoStatus> FailAsync(VdevWrite write, IoStatus status)
    {
        await write.EndAsync();
        return status;
    }
}
