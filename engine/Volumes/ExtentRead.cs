using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>
/// One device read of a <see cref="ReadPlan"/>: adjoining plain blocks, or one compressed block through a
/// buffer.
/// </summary>
internal sealed class ExtentRead(VolumeReader owner) : PendingIo
{
    private ReadPlan _plan = null!;
    private int _first;
    private int _count;
    private IoBuffer? _stored;
    private IoSlice[]? _slices;

    /// <summary>Reads plain blocks straight to where they belong.</summary>
    /// <param name="devices">Where to read.</param>
    /// <param name="plan">What to read.</param>
    /// <param name="first">First block of the plan.</param>
    /// <param name="count">Blocks that follow one another on the vdev.</param>
    /// <param name="isStriped">Each has parity of its own, so the vdev must know where one ends.</param>
    public void StartPlain(PoolDevices devices, ReadPlan plan, int first, int count, bool isStriped)
    {
        Begin(plan, first, count);
        BlockPlace place = plan.Pointers[first].Place0;
        if (isStriped && count > 1)
        {
            _slices ??= new IoSlice[ReadPlan.MaximumBlocks];
            for (int i = 0; i < count; i++) _slices[i] = plan.BlockSlice(first + i);
            Watch(devices.ReadAsync(place, _slices.AsSpan(0, count)));
            return;
        }

        IoSlice into = plan.Into.Slice(first << plan.BlockShift, count << plan.BlockShift);
        Watch(devices.ReadAsync(place, into));
    }

    /// <summary>Reads a compressed block's stored bytes.</summary>
    public void StartCompressed(PoolDevices devices, ReadPlan plan, int index, IoBuffer stored)
    {
        Begin(plan, index, 1);
        _stored = stored;
        BlockPointer pointer = plan.Pointers[index];
        Watch(devices.ReadAsync(pointer.Place0, stored.First(pointer.PhysicalSectors << Layout.SectorShift)));
    }

    protected override void OnCompleted(IoStatus status)
    {
        ReadPlan plan = _plan;
        long began = plan.IsAhead ? 0 : owner.NowNanoseconds;
        int bytes = _stored?.CapacityBytes ?? _count << plan.BlockShift;
        if (status == IoStatus.DeviceTimeout && _stored is null) plan.IsMemoryLost = true;
        for (int i = _first; i < _first + _count; i++)
        {
            if (status == IoStatus.Ok && Verify(plan, i))
            {
                if (!plan.IsAhead) owner.Keep(plan, i, bytes >= ReadPlan.CheapReadBytes);
            }
            else
            {
                plan.Failed.Add(i);
            }
        }

        _stored?.Release();
        _stored = null;
        _plan = null!;
        plan.EndedNanoseconds = owner.ReadEnded(this, began);
        plan.EndPart();
    }

    private bool Verify(ReadPlan plan, int index)
    {
        ref BlockPointer pointer = ref plan.Pointers[index];
        if (_stored is null) return BlockReader.Matches(pointer, plan.BlockSlice(index));
        return BlockReader.Matches(pointer, _stored.Slice)
            && owner.TryDecompress(pointer, _stored.Slice, plan.BlockSlice(index));
    }

    private void Begin(ReadPlan plan, int first, int count)
    {
        _plan = plan;
        _first = first;
        _count = count;
        plan.AddPart();
        plan.ReadCount++;
    }
}
