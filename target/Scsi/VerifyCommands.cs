using System.Runtime.CompilerServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// VERIFY and WRITE AND VERIFY, SBC-3 §5.31 to §5.43. BYTCHK 0 reads the blocks, which checks their
/// checksums; 1 compares them with the data sent; 3 compares every block with the one block sent. WRITE AND
/// VERIFY makes the data durable and reads it back, comparing when BYTCHK is 1.
/// </summary>
internal static class VerifyCommands
{
    private const int PartBytes = 256 * 1024;

    public static long DataOutBytes(ScsiTask task) => ByteCheck(task) switch
    {
        1 => (long)task.Blocks * task.Unit!.BlockBytes,
        3 => task.Blocks == 0 ? 0 : task.Unit!.BlockBytes,
        _ => 0,
    };

    public static ValueTask Verify(ScsiTask task)
    {
        int check = ByteCheck(task);
        if (check == 2)
        {
            task.FailCdb(1, 2);
            return default;
        }

        task.WantedBytes = DataOutBytes(task);
        if (task.Blocks == 0)
        {
            task.Good();
            return default;
        }

        if (check != 0 && task.DataOutBytes < Math.Min(task.WantedBytes, task.Unit!.BlockBytes))
        {
            task.Fail(Sense.InvalidFieldInUnit);
            return default;
        }

        return Check(task, check);
    }

    public static ValueTask WriteAndVerify(ScsiTask task)
    {
        int check = ByteCheck(task);
        if (check > 1)
        {
            task.FailCdb(1, 2);
            return default;
        }

        LogicalUnit unit = task.Unit!;
        task.WantedBytes = (long)task.Blocks * unit.BlockBytes;
        int have = (int)Math.Min(task.WantedBytes, task.DataOutBytes);
        have -= have % unit.BlockBytes;
        if (have == 0)
        {
            task.Good();
            return default;
        }

        return WriteThenCheck(task, have);
    }

    /// <summary>Offset of the first difference, or -1; a pattern shorter than the data repeats.</summary>
    public static int FindDifference(ReadOnlySpan<byte> data, ReadOnlySpan<byte> pattern)
    {
        for (int at = 0; at < data.Length; at += pattern.Length)
        {
            int lengthBytes = Math.Min(pattern.Length, data.Length - at);
            int same = data.Slice(at, lengthBytes).CommonPrefixLength(pattern[..lengthBytes]);
            if (same < lengthBytes) return at + same;
        }

        return -1;
    }

    private static int ByteCheck(ScsiTask task) => (task.Cdb[1] >> 1) & 3;

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask WriteThenCheck(ScsiTask task, int have)
    {
        LogicalUnit unit = task.Unit!;
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        IoStatus status = await unit.Volume.WriteAsync(offsetBytes, task.DataOut!.First(have), true);
        if (status != IoStatus.Ok)
        {
            task.Settle(status);
            return;
        }

        task.DataOutBytes = have;
        await Check(task, 1, have);
    }

    private static ValueTask Check(ScsiTask task, int check) =>
        Check(task, check, (long)task.Blocks * task.Unit!.BlockBytes);

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask Check(ScsiTask task, int check, long totalBytes)
    {
        LogicalUnit unit = task.Unit!;
        int sentBytes = task.DataOutBytes - task.DataOutBytes % unit.BlockBytes;
        if (check == 1) totalBytes = Math.Min(totalBytes, sentBytes);
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        IoBuffer? buffer = await task.RentAsync((int)Math.Min(totalBytes, PartBytes));
        if (buffer is null)
        {
            task.Status = ScsiStatus.Busy;
            return;
        }

        task.Good();
        for (long done = 0; done < totalBytes && !task.IsAborted;)
        {
            int part = (int)Math.Min(totalBytes - done, PartBytes);
            (IoStatus status, buffer) = await VolumeRead.ReadAsync(task, offsetBytes + done, buffer, part);
            task.Settle(status);
            if (buffer is null) return;
            if (status != IoStatus.Ok) break;
            int wrong = check == 0 ? -1 : Compare(task, check, buffer.Span[..part], (int)done);
            if (wrong >= 0)
            {
                task.Fail(Sense.Miscompare((ulong)(done + wrong)));
                break;
            }

            done += part;
        }

        task.Return(buffer);
    }

    private static int Compare(ScsiTask task, int check, ReadOnlySpan<byte> read, int done)
    {
        ReadOnlySpan<byte> sent = task.DataOutSpan;
        return check == 3
            ? FindDifference(read, sent[..task.Unit!.BlockBytes])
            : FindDifference(read, sent.Slice(done, read.Length));
    }
}
