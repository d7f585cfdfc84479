using System.Runtime.CompilerServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// READ and WRITE, SBC-3 §5.15 to §5.43. One volume request per command up to
/// <see cref="Limits.ReadPartBytes"/>; longer reads go out part by part. Where the initiator expects less
/// than the CDB says, whole blocks of what it sent are written and the residual tells.
/// </summary>
internal static class ReadWriteCommands
{
    /// <summary>FUA is bit 3 of byte 1 in all but the six-byte forms.</summary>
    private const int ForceUnitAccess = 0x08;

    private static readonly Func<ScsiTask, ValueTask<IoStatus>> ReadAfterTimeout = AgainAsync;

    public static long DataOutBytes(ScsiTask task) => (long)task.Blocks * task.Unit!.BlockBytes;

    public static bool IsDurable(ScsiTask task) =>
        !task.Unit!.Modes.WriteCache || (task.Cdb[0] >= 0x20 && (task.Cdb[1] & ForceUnitAccess) != 0);

    public static ValueTask Read(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        long wanted = (long)task.Blocks * unit.BlockBytes;
        task.WantedBytes = wanted;
        int moved = (int)Math.Min(wanted, task.ExpectedInBytes);
        unit.ReadCommands++;
        unit.ReadBytes += moved;
        if (moved == 0)
        {
            task.Good();
            return default;
        }

        if (moved > Limits.ReadPartBytes) return ReadInParts(task, moved);
        int whole = RoundUp(moved, unit.BlockBytes);
        IoBuffer? buffer = task.TryRent(whole);
        if (buffer is null) return ReadInParts(task, moved);
        task.DataIn = buffer;
        task.DataInBytes = moved;
        return task.EndWith(
            unit.Volume.ReadAsync((long)task.Lba * unit.BlockBytes, buffer.First(whole)), ReadAfterTimeout);
    }

    public static ValueTask Write(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        long wanted = (long)task.Blocks * unit.BlockBytes;
        task.WantedBytes = wanted;
        int have = (int)Math.Min(wanted, task.DataOutBytes);
        have -= have % unit.BlockBytes;
        unit.WriteCommands++;
        unit.WrittenBytes += have;
        if (have == 0)
        {
            task.Good();
            return default;
        }

        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        return task.EndWith(unit.Volume.WriteAsync(offsetBytes, task.DataOut!.First(have), IsDurable(task)));
    }

    /// <summary>
    /// SYNCHRONIZE CACHE: everything that completed becomes durable, whatever the range, for a flush has
    /// none. Only the first LBA is checked: clients are known that send a count cut to 32 bits. IMMED
    /// answers when the flush is done, which the standard allows and no client can tell from a fast device.
    /// </summary>
    public static ValueTask SynchronizeCache(ScsiTask task)
    {
        if (task.Lba > task.Unit!.BlockCount)
        {
            task.Fail(Sense.LbaOutOfRange(task.Lba));
            return default;
        }

        return task.EndWith(task.Unit.Volume.FlushAsync());
    }

    /// <summary>
    /// PRE-FETCH: a hint that is not taken, which is allowed; CONDITION MET says it would fit.
    /// </summary>
    public static ValueTask PreFetch(ScsiTask task)
    {
        task.Status = ScsiStatus.ConditionMet;
        return default;
    }

    public static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    private static async ValueTask<IoStatus> AgainAsync(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        int moved = task.DataInBytes;
        IoBuffer lost = task.DataIn!;
        task.DataIn = null;
        task.DataInBytes = 0;
        (IoStatus status, task.DataIn) = await VolumeRead.AgainAsync(
            task, (long)task.Lba * unit.BlockBytes, lost, RoundUp(moved, unit.BlockBytes),
            unit.Volume);
        if (task.DataIn is not null) task.DataInBytes = moved;
        return status;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask ReadInParts(ScsiTask task, int moved)
    {
        LogicalUnit unit = task.Unit!;
        long offsetBytes = (long)task.Lba * unit.BlockBytes;
        int done = 0;
        while (true)
        {
            int part = Math.Min(moved - done, Limits.ReadPartBytes);
            int whole = RoundUp(part, unit.BlockBytes);
            IoBuffer? buffer = await task.RentAsync(whole);
            if (buffer is null || task.IsAborted)
            {
                if (buffer is not null) task.Return(buffer);
                task.Status = ScsiStatus.Busy;
                return;
            }

            (IoStatus status, buffer) = await VolumeRead.ReadAsync(task, offsetBytes + done, buffer, whole);
            if (status != IoStatus.Ok || buffer is null)
            {
                if (buffer is not null) task.Return(buffer);
                task.Settle(status);
                return;
            }

            done += part;
            if (done < moved)
            {
                task.SendPart(buffer, part);
                continue;
            }

            task.DataIn = buffer;
            task.DataInBytes = part;
            task.Good();
            return;
        }
    }
}
