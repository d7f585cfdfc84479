using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// GET LBA STATUS, SBC-3 §5.4: which blocks are mapped, and which are not, as the volume's tree has it. The
/// descriptors begin with the block asked for and follow each other without a gap; how far they reach depends
/// on the room for them and on what one look at the tree may cost.
/// </summary>
internal static class LbaStatusCommand
{
    private const int HeaderBytes = 8;
    private const int DescriptorBytes = 16;
    private const int MaximumDescriptors = 64;

    private const byte Mapped = 0;
    private const byte Deallocated = 1;
    private const byte Anchored = 2;

    public static ValueTask Get(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        uint allocation = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(10));
        if (task.Lba >= unit.BlockCount)
        {
            task.Fail(Sense.LbaOutOfRange(task.Lba));
            return default;
        }

        long room = (allocation - (long)HeaderBytes) / DescriptorBytes;
        int count = (int)Math.Clamp(room, 1, MaximumDescriptors);
        return task.TryAnswer(HeaderBytes + count * DescriptorBytes, out _)
            ? FillAsync(task, count, allocation) : default;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask FillAsync(ScsiTask task, int most, uint allocation)
    {
        LogicalUnit unit = task.Unit!;
        ulong lba = task.Lba;
        int count = 0;
        while (count < most && lba < unit.BlockCount && !task.IsAborted)
        {
            ulong wanted = Math.Min(unit.BlockCount - lba, uint.MaxValue);
            VolumeExtent extent = await unit.Volume.FindExtentAsync(
                (long)lba * unit.BlockBytes, (long)wanted * unit.BlockBytes);
            if (extent.Status != IoStatus.Ok)
            {
                task.Settle(extent.Status);
                if (task.DataIn is not null) task.Return(task.DataIn);
                task.DataIn = null;
                return;
            }

            byte status = !extent.IsHole ? Mapped : unit.Volume.IsFullyReserved ? Anchored : Deallocated;
            uint blocks = (uint)(extent.LengthBytes / unit.BlockBytes);
            count += Append(task.DataIn!.Span[HeaderBytes..], count, lba, blocks, status);
            lba += blocks;
        }

        int total = HeaderBytes + count * DescriptorBytes;
        BinaryPrimitives.WriteInt32BigEndian(task.DataIn!.Span, total - 4);
        task.EndAnswer(total, allocation);
    }

    /// <returns>1 for a new descriptor, 0 where the one before was made longer.</returns>
    private static int Append(Span<byte> descriptors, int count, ulong lba, uint blocks, byte status)
    {
        if (count > 0)
        {
            Span<byte> last = descriptors[((count - 1) * DescriptorBytes)..];
            uint before = BinaryPrimitives.ReadUInt32BigEndian(last[8..]);
            if (last[12] == status && before <= uint.MaxValue - blocks)
            {
                BinaryPrimitives.WriteUInt32BigEndian(last[8..], before + blocks);
                return 0;
            }
        }

        Span<byte> descriptor = descriptors.Slice(count * DescriptorBytes, DescriptorBytes);
        BinaryPrimitives.WriteUInt64BigEndian(descriptor, lba);
        BinaryPrimitives.WriteUInt32BigEndian(descriptor[8..], blocks);
        descriptor[12] = status;
        return 1;
    }
}
