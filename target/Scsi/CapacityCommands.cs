using System.Buffers.Binary;
using System.Numerics;

namespace Cstor.Target.Scsi;

/// <summary>READ CAPACITY, SBC-3 §5.19 and §5.20.</summary>
internal static class CapacityCommands
{
    // An initiator that is told less than other paths tell it gives up this one, or all behind that.
    private static async ValueTask LearnFirst(ScsiTask task, Func<ScsiTask, ValueTask> tell)
    {
        if (await task.Unit!.Volume.LearnSizeAsync()) await tell(task);
        else task.Status = ScsiStatus.Busy;
    }

    public static ValueTask ReadCapacity10(ScsiTask task) => task.Unit!.Volume.IsSizeKnown
        ? Tell10(task)
        : LearnFirst(task, Tell10);

    private static ValueTask Tell10(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        bool asksPartial = (task.Cdb[8] & 1) != 0;
        if (!asksPartial && BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(2)) != 0)
        {
            task.FailCdb(2);
            return default;
        }

        if (!task.TryAnswer(8, out Span<byte> data)) return default;
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)Math.Min(unit.BlockCount - 1, uint.MaxValue));
        BinaryPrimitives.WriteInt32BigEndian(data[4..], unit.BlockBytes);
        task.EndAnswer(8, 8);
        return default;
    }

    public static ValueTask ReadCapacity16(ScsiTask task) => task.Unit!.Volume.IsSizeKnown
        ? Tell16(task)
        : LearnFirst(task, Tell16);

    private static ValueTask Tell16(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        bool asksPartial = (task.Cdb[14] & 1) != 0;
        if (!asksPartial && BinaryPrimitives.ReadUInt64BigEndian(task.Cdb.AsSpan(2)) != 0)
        {
            task.FailCdb(2);
            return default;
        }

        if (!task.TryAnswer(32, out Span<byte> data)) return default;
        BinaryPrimitives.WriteUInt64BigEndian(data, unit.BlockCount - 1);
        BinaryPrimitives.WriteInt32BigEndian(data[8..], unit.BlockBytes);
        data[13] = (byte)Math.Min(15, BitOperations.Log2((uint)unit.BlocksPerVolumeBlock));
        data[14] = 0xc0;
        task.EndAnswer(32, BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(10)));
        return default;
    }
}
