using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Target.Scsi;

/// <summary>
/// The way of a command through the device server (SAM-5 §5.3, SPC-4 §5): found in the table, ordered by
/// its task attribute, checked for unit attention, reserved bits, reservation, protection and range, fenced
/// against commands that must be atomic, and handled. Every task given to <see cref="Submit"/> comes to
/// <see cref="End"/> exactly once.
/// </summary>
internal static class DeviceServer
{
    /// <summary>Looks the CDB up and decodes it, before its data is there.</summary>
    /// <returns>Bytes the command takes from the initiator.</returns>
    public static long Prepare(ScsiTask task)
    {
        task.Command = CommandTable.Find(task.Cdb);
        if (task.Command is null) return 0;
        CdbLayouts.Decode(task.Command.Layout, task.Cdb, out ulong lba, out uint blocks);
        task.Lba = lba;
        task.Blocks = blocks;
        return task.Unit is null || task.Command.DataOutBytes is null ? 0 : task.Command.DataOutBytes(task);
    }

    /// <summary>Takes a prepared task with all its data.</summary>
    public static void Submit(ScsiTask task)
    {
        if (task.Unit is null)
        {
            StartWithoutUnit(task);
            return;
        }

        if (task.Unit.Order.TryEnter(task)) Start(task);
        else task.QueuedNanoseconds = task.NowNanoseconds;
    }

    /// <summary>The order of task attributes lets the task go ahead.</summary>
    public static void Start(ScsiTask task)
    {
        if (task.IsAborted || !Admit(task))
        {
            bool isDoubtful = !task.IsAborted && task.Status == ScsiStatus.ReservationConflict
                && task.Unit!.Volume.SharedReservations is not null;
            if (isDoubtful) task.Await(ConfirmConflict(task));
            else End(task);
            return;
        }

        if (!LogicalUnit.IsTransfer(task)) Launch(task);
        else if (task.Unit!.Limiter is not { } limiter || limiter.TryEnter(task)) GoOn(task);
    }

    /// <summary>The limits of the unit let the task through.</summary>
    public static void GoOn(ScsiTask task)
    {
        if (task.LimitedNanoseconds != 0)
            task.Unit!.Times.Add(IoStage.Limit, task.NowNanoseconds - task.LimitedNanoseconds);
        if (task.Unit!.Share is not { } share || share.TryEnter(task)) Launch(task);
    }

    /// <summary>It is the task's turn among those of all volumes of the pool.</summary>
    public static void Launch(ScsiTask task)
    {
        if (task.SharedNanoseconds != 0)
            task.Unit!.Times.Add(IoStage.Share, task.NowNanoseconds - task.SharedNanoseconds);
        CommandDescriptor command = task.Command!;
        bool fenced = command.Is(CommandFlags.Writes) && command.Layout != CdbLayout.None;
        if (!fenced || task.Unit!.Fence.TryEnter(task, command.Is(CommandFlags.Exclusive))) Execute(task);
        else if (task.QueuedNanoseconds == 0) task.QueuedNanoseconds = task.NowNanoseconds;
    }

    /// <summary>Nothing stands in the way any more.</summary>
    public static void Execute(ScsiTask task)
    {
        if (task.IsAborted)
        {
            End(task);
            return;
        }

        if (task.QueuedNanoseconds != 0)
            task.Unit!.Times.Add(IoStage.Order, task.NowNanoseconds - task.QueuedNanoseconds);
        // While it stood in line, another node may have taken from its initiator what it was let in by.
        if (task.AdmittedUnder is { } text && task.Command!.Layout != CdbLayout.None
            && text != task.Unit!.Volume.SharedReservations!.Text)
        {
            task.Status = ScsiStatus.Busy;
            End(task);
            return;
        }

        bool isConfirmed = task.Unit?.Volume.SharedReservations is not null
            && task.Command!.Is(CommandFlags.ShowsReservations);
        task.Await(isConfirmed ? ConfirmFirst(task) : task.Command!.Handler(task));
    }

    /// <summary>Leaves the unit's sets, answers, and only then lets others go ahead.</summary>
    public static void End(ScsiTask task)
    {
        LogicalUnit? unit = task.Unit;
        if (unit is null)
        {
            task.OnEnded();
            return;
        }

        unit.Fence.Leave(task);
        unit.Order.Leave(task);
        unit.Share?.Leave(task);
        task.OnEnded();
        unit.Fence.Resume();
        unit.Order.Resume();
        unit.Share?.Resume();
    }

    /// <summary>Ends an aborted task that limits or other volumes hold back, if they do.</summary>
    public static void EndHeldBack(ScsiTask task)
    {
        bool isHeldBack = task.Unit?.Limiter?.TryRemove(task) == true
            || task.Unit?.Share?.TryRemove(task) == true;
        if (isHeldBack) End(task);
    }

    /// <summary>
    /// Ends aborted tasks that stand in line, for whoever waits for their end and would be waited for.
    /// </summary>
    public static void EndAborted(LogicalUnit unit)
    {
        foreach (ScsiTask task in unit.Order.TakeAborted()) End(task);
    }

    // Another node may have told the initiator that its reservation is there, or another's gone.
    private static async ValueTask ConfirmConflict(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        bool isSure = await unit.Volume.SharedReservations!.ConfirmAsync() == IoStatus.Ok;
        task.Status = isSure && unit.Reservations.Conflicts(task.Nexus, task.Command!)
            ? ScsiStatus.ReservationConflict
            : ScsiStatus.Busy;
    }

    private static async ValueTask ConfirmFirst(ScsiTask task)
    {
        IoStatus status = await task.Unit!.Volume.SharedReservations!.ConfirmAsync();
        if (status == IoStatus.Ok) await task.Command!.Handler(task);
        else task.Settle(status);
    }

    private static bool Admit(ScsiTask task)
    {
        LogicalUnit unit = task.Unit!;
        CommandDescriptor? command = task.Command;
        unit.NoticeSpaceWarning();
        if (task.Attribute == TaskAttribute.Aca)
        {
            task.Fail(Sense.InvalidMessage);
            return false;
        }

        bool ignoresAttention = command is not null && command.Is(CommandFlags.IgnoresAttention);
        if (task.Nexus.HasAttention && !ignoresAttention)
        {
            task.Fail(task.Nexus.TakeAttention());
            return false;
        }

        if (command is null)
        {
            bool known = CommandTable.KnowsOpcode(task.Cdb[0]);
            task.Fail(known ? Sense.InvalidFieldInCdb(1, 4) : Sense.InvalidOpcode);
            return false;
        }

        if (unit.Ports.Refusal(command) is { } refusal)
        {
            task.Fail(refusal);
            return false;
        }

        if (unit.Volume.SharedReservations is { } shared) task.AdmittedUnder = shared.Text;
        if (unit.Reservations.Conflicts(task.Nexus, command))
        {
            task.Status = ScsiStatus.ReservationConflict;
            return false;
        }

        int reserved = command.FindReservedBit(task.Cdb);
        if (reserved >= 0)
        {
            task.FailCdb(reserved / 8, reserved % 8);
            return false;
        }

        return AdmitMedium(task, unit, command);
    }

    private static bool AdmitMedium(ScsiTask task, LogicalUnit unit, CommandDescriptor command)
    {
        if (command.Is(CommandFlags.ChecksRange))
        {
            ulong count = unit.BlockCount;
            if (task.Lba > count || task.Blocks > count - task.Lba || (task.Lba == count && task.Blocks > 0))
            {
                task.Fail(Sense.LbaOutOfRange(task.Lba));
                return false;
            }

            if (command.Is(CommandFlags.BoundedTransfer) && task.Blocks > unit.MaximumTransferBlocks)
            {
                task.FailCdb(command.Layout switch { CdbLayout.Ten => 7, CdbLayout.Twelve => 6, _ => 10 });
                return false;
            }
        }

        if (!command.Is(CommandFlags.Writes) || !unit.IsWriteProtected) return true;
        task.Fail(unit.Volume.IsReadOnly ? Sense.WriteProtected : Sense.SoftwareWriteProtected);
        return false;
    }

    /// <summary>
    /// An LUN that does not exist answers INQUIRY, REPORT LUNS and REQUEST SENSE, SPC-4 §6.6.
    /// </summary>
    private static void StartWithoutUnit(ScsiTask task)
    {
        if (task.IsAborted)
        {
            End(task);
            return;
        }

        if (task.Command is null || !task.Command.Is(CommandFlags.WithoutUnit))
        {
            task.Fail(Sense.UnitNotSupported);
            End(task);
            return;
        }

        Execute(task);
    }
}
