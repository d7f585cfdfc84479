using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// UNMAP (SBC-3 §5.28) and WRITE SAME (§5.44, §5.45). Freed blocks read as zeroes. WRITE SAME of zeroes frees
/// too, whether asked by UNMAP or not; any other pattern is written, because with LBPRZ a block may be freed
/// only where zeroes are wanted. Where space is kept for the whole volume every freed block is anchored, and
/// ANCHOR asks for nothing more; elsewhere it is refused.
/// </summary>
internal static class ProvisioningCommands
{
    private const int PartBytes = 256 * 1024;
    private const int NoDataOutBuffer = 0x01;
    private const int Anchor = 0x10;
    private const int UnmapBit = 0x08;

    public static long WriteSameDataOutBytes(ScsiTask task) =>
        task.Cdb[0] == 0x93 && (task.Cdb[1] & NoDataOutBuffer) != 0 ? 0 : task.Unit!.BlockBytes;

    public static ValueTask Unmap(ScsiTask task)
    {
        task.WantedBytes = BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7));
        if ((task.Cdb[1] & 1) != 0 && !task.Unit!.Volume.IsFullyReserved)
        {
            task.FailCdb(1, 0);
            return default;
        }

        if (task.WantedBytes == 0)
        {
            task.Good();
            return default;
        }

        Sense? wrong = CheckUnmap(task.Unit!, task.DataOutSpan, (int)task.WantedBytes, out int count);
        if (wrong is not null)
        {
            task.Fail(wrong.Value);
            return default;
        }

        return UnmapAll(task, count);
    }

    public static ValueTask WriteSame(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        byte flags = task.Cdb[1];
        bool noData = task.Cdb[0] == 0x93 && (flags & NoDataOutBuffer) != 0;
        task.WantedBytes = noData ? 0 : unit.BlockBytes;
        bool anchors = (flags & Anchor) != 0;
        if (anchors && (!unit.Volume.IsFullyReserved || (flags & UnmapBit) == 0))
        {
            task.FailCdb(1, 4);
            return default;
        }

        ulong blocks = task.Blocks == 0 ? unit.BlockCount - task.Lba : task.Blocks;
        if (blocks > Limits.MaximumWriteSameBlocks)
        {
            task.FailCdb(task.Cdb[0] == 0x93 ? 10 : 7);
            return default;
        }

        if (task.ExpectedOutBytes != task.WantedBytes || task.DataOutBytes < task.WantedBytes)
        {
            task.Fail(Sense.InvalidFieldInUnit);
            return default;
        }

        if (blocks == 0)
        {
            task.Good();
            return default;
        }

        long lengthBytes = (long)blocks * unit.BlockBytes;
        bool zero = noData || !task.DataOutSpan[..unit.BlockBytes].ContainsAnyExcept((byte)0);
        return zero
            ? task.EndWith(unit.Volume.UnmapAsync((long)task.Lba * unit.BlockBytes, lengthBytes))
            : WritePattern(task, lengthBytes);
    }

    /// <summary>
    /// Checks the whole list first, so that nothing is freed by a list that is wrong further on.
    /// </summary>
    private static Sense? CheckUnmap(LogicalUnit unit, ReadOnlySpan<byte> list, int wantedBytes,
        out int count)
    {
        count = 0;
        if (wantedBytes < 8 || list.Length < wantedBytes) return Sense.ParameterListLengthError;
        int dataBytes = BinaryPrimitives.ReadUInt16BigEndian(list);
        int descriptorBytes = BinaryPrimitives.ReadUInt16BigEndian(list[2..]);
        if (descriptorBytes > wantedBytes - 8 || dataBytes + 2 > wantedBytes)
            return Sense.ParameterListLengthError;
        count = descriptorBytes / 16;
        if (count > Limits.MaximumUnmapDescriptors) return Sense.InvalidFieldInParameters(2);
        long totalBlocks = 0;
        for (int i = 0; i < count; i++)
        {
            int at = 8 + i * 16;
            ulong lba = BinaryPrimitives.ReadUInt64BigEndian(list[at..]);
            uint blocks = BinaryPrimitives.ReadUInt32BigEndian(list[(at + 8)..]);
            totalBlocks += blocks;
            if (lba > unit.BlockCount || blocks > unit.BlockCount - lba) return Sense.LbaOutOfRange(lba);
        }

        return totalBlocks > Limits.MaximumUnmapBlocks ? Sense.InvalidFieldInParameters(8) : null;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask UnmapAll(ScsiTask task, int count)
    {
        LogicalUnit unit = task.Unit!;
        task.Good();
        for (int i = 0; i < count && !task.IsAborted; i++)
        {
            int at = 8 + i * 16;
            ulong lba = BinaryPrimitives.ReadUInt64BigEndian(task.DataOutSpan[at..]);
            uint blocks = BinaryPrimitives.ReadUInt32BigEndian(task.DataOutSpan[(at + 8)..]);
            if (blocks == 0) continue;
            IoStatus status = await unit.Volume.UnmapAsync(
                (long)lba * unit.BlockBytes, (long)blocks * unit.BlockBytes);
            task.Settle(status);
            if (status != IoStatus.Ok) return;
        }
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask WritePattern(ScsiTask task, long lengthBytes)
    {
        LogicalUnit unit = task.Unit!;
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        int bufferBytes = (int)Math.Min(lengthBytes, PartBytes);
        IoBuffer? buffer = await task.RentAsync(bufferBytes);
        if (buffer is null)
        {
            task.Status = ScsiStatus.Busy;
            return;
        }

        for (int at = 0; at < bufferBytes; at += unit.BlockBytes)
            task.DataOutSpan[..unit.BlockBytes].CopyTo(buffer.Span[at..]);
        task.Good();
        for (long done = 0; done < lengthBytes && !task.IsAborted;)
        {
            int part = (int)Math.Min(lengthBytes - done, bufferBytes);
            IoStatus status = await unit.Volume.WriteAsync(
                offsetBytes + done, buffer.First(part), ReadWriteCommands.IsDurable(task));
            task.Settle(status);
            if (status != IoStatus.Ok) break;
            done += part;
        }

        task.Return(buffer);
    }
}
