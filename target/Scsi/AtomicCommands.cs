using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// COMPARE AND WRITE (SBC-3 §5.2) and ORWRITE (§5.11): read, decide, write. The fence keeps every other
/// writer of the range away meanwhile, so nobody's write is lost between the read and the write; where other
/// nodes write too, the volume compares and writes for all of them. WRITE ATOMIC(16) (SBC-4 §5.48) is all or
/// nothing by the volume's promise; it has no boundary.
/// </summary>
internal static class AtomicCommands
{
    public static ValueTask CompareAndWrite(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        long half = (long)task.Blocks * unit.BlockBytes;
        task.WantedBytes = 2 * half;
        if (task.Blocks > unit.MaximumCompareAndWriteBlocks || task.ExpectedOutBytes != task.WantedBytes)
        {
            task.FailCdb(13);
            return default;
        }

        if (task.Blocks == 0)
        {
            task.Good();
            return default;
        }

        if (task.DataOutBytes < task.WantedBytes)
        {
            task.Fail(Sense.InvalidFieldInUnit);
            return default;
        }

        return unit.Volume.CompareAndWriteBytes > 0
            ? CompareAtVolume(task, (int)half)
            : Run(task, (int)half, compare: true);
    }

    public static ValueTask WriteAtomic(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        task.WantedBytes = (long)task.Blocks * unit.BlockBytes;
        int most = unit.Volume.AtomicBytes;
        if (most == 0)
        {
            task.Fail(Sense.InvalidOpcode);
            return default;
        }

        uint granularity = (uint)unit.BlocksPerVolumeBlock;
        if (task.Lba % granularity != 0 || task.Blocks % granularity != 0 || task.WantedBytes > most)
        {
            task.FailCdb(task.Lba % granularity != 0 ? 2 : 12);
            return default;
        }

        if (task.Blocks == 0)
        {
            task.Good();
            return default;
        }

        if (task.DataOutBytes < task.WantedBytes)
        {
            task.Fail(Sense.InvalidFieldInUnit);
            return default;
        }

        unit.WriteCommands++;
        unit.WrittenBytes += task.WantedBytes;
        return task.EndWith(unit.Volume.WriteAtomicAsync(
            (long)task.Lba * unit.BlockBytes, task.DataOut!.First((int)task.WantedBytes),
            ReadWriteCommands.IsDurable(task)));
    }

    public static ValueTask OrWrite(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        task.WantedBytes = (long)task.Blocks * unit.BlockBytes;
        int have = (int)Math.Min(task.WantedBytes, task.DataOutBytes);
        have -= have % unit.BlockBytes;
        if (have == 0)
        {
            task.Good();
            return default;
        }

        return unit.Volume.CompareAndWriteBytes > 0
            ? OrAtVolume(task, have)
            : Run(task, have, compare: false);
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask CompareAtVolume(ScsiTask task, int lengthBytes)
    {
        LogicalUnit unit = task.Unit!;
        CompareResult result = await unit.Volume.CompareAndWriteAsync(
            (long)task.Lba * unit.BlockBytes, task.DataOut!.First(2 * lengthBytes));
        IoStatus status = result.Status;
        if (status == IoStatus.Ok && result.Difference < 0 && ReadWriteCommands.IsDurable(task))
        {
            status = await unit.Volume.FlushAsync();
            // It is written: whoever sent it again would be told that the blocks are not as expected.
            if (status == IoStatus.NotLeader) status = IoStatus.Aborted;
        }

        task.Settle(status);
        if (status == IoStatus.Ok && result.Difference >= 0)
            task.Fail(Sense.Miscompare((ulong)result.Difference));
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask OrAtVolume(ScsiTask task, int lengthBytes)
    {
        LogicalUnit unit = task.Unit!;
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        int most = Math.Min(lengthBytes, unit.Volume.CompareAndWriteBytes);
        IoBuffer? buffer = await task.RentAsync(2 * most);
        if (buffer is null)
        {
            task.Status = ScsiStatus.Busy;
            return;
        }

        IoStatus status = IoStatus.Ok;
        for (int done = 0; done < lengthBytes && status == IoStatus.Ok && !task.IsAborted;)
        {
            int part = Math.Min(most, lengthBytes - done);
            status = await unit.Volume.ReadAsync(offsetBytes + done, buffer.First(part));
            if (status != IoStatus.Ok) break;
            Span<byte> both = buffer.Span[..(2 * part)];
            both[..part].CopyTo(both[part..]);
            Join(both[part..], task.DataOutSpan.Slice(done, part));
            CompareResult result =
                await unit.Volume.CompareAndWriteAsync(offsetBytes + done, buffer.First(2 * part));
            // Twice is as good as once.
            status = result.Status == IoStatus.Aborted ? IoStatus.NotLeader : result.Status;
            if (status == IoStatus.Ok && result.Difference < 0) done += part;
        }

        if (status == IoStatus.Ok && ReadWriteCommands.IsDurable(task))
            status = await unit.Volume.FlushAsync();
        task.Settle(status);
        task.Return(buffer);
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask Run(ScsiTask task, int lengthBytes, bool compare)
    {
        LogicalUnit unit = task.Unit!;
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        IoBuffer? buffer = await task.RentAsync(lengthBytes);
        if (buffer is null)
        {
            task.Status = ScsiStatus.Busy;
            return;
        }

        (IoStatus status, buffer) = await VolumeRead.ReadAsync(task, offsetBytes, buffer, lengthBytes);
        if (buffer is null)
        {
            task.Settle(status);
            return;
        }

        if (status != IoStatus.Ok) task.Settle(status);
        else if (Combine(task, buffer.First(lengthBytes), compare))
        {
            IoSlice result = compare ? task.DataOut!.Slice.Slice(lengthBytes, lengthBytes)
                : buffer.First(lengthBytes);
            bool durable = ReadWriteCommands.IsDurable(task);
            task.Settle(await unit.Volume.WriteAsync(offsetBytes, result, durable));
        }

        task.Return(buffer);
    }

    /// <summary>
    /// Compares, or joins what was sent into what was read. False when the comparison failed.
    /// </summary>
    private static bool Combine(ScsiTask task, IoSlice read, bool compare)
    {
        ReadOnlySpan<byte> sent = task.DataOutSpan[..read.LengthBytes];
        if (compare)
        {
            int wrong = VerifyCommands.FindDifference(read.Span, sent);
            if (wrong < 0) return true;
            task.Fail(Sense.Miscompare((ulong)wrong));
            return false;
        }

        Join(read.Span, sent);
        return true;
    }

    // Whole logical blocks, so whole vectors.
    private static void Join(Span<byte> bytes, ReadOnlySpan<byte> sent)
    {
        Span<Vector<byte>> into = MemoryMarshal.Cast<byte, Vector<byte>>(bytes);
        ReadOnlySpan<Vector<byte>> from = MemoryMarshal.Cast<byte, Vector<byte>>(sent);
        for (int i = 0; i < into.Length; i++) into[i] |= from[i];
    }
}
