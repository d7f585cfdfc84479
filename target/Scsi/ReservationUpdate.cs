using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// Carries a change of reservations out. Of a volume of this node alone at once: it is answered when it is
/// durable, if the registrants asked for that (APTPL), and when the last task that it took away has ended.
/// Where other nodes serve the volume too, it is worked out on a copy of the newest state and takes effect on
/// all nodes, or not at all because somebody else was quicker: then it is worked out anew.
/// </summary>
internal static class ReservationUpdate
{
    private const int Attempts = 16;

    /// <param name="task">To be answered.</param>
    /// <param name="change">Changes a state and sets the status; leaves the state if not GOOD.</param>
    public static ValueTask Run(ScsiTask task, Action<ScsiTask, PersistentReservations> change)
    {
        LogicalUnit unit = task.Unit!;
        if (unit.Volume.SharedReservations is { } shared) return RunShared(task, shared, change);
        PersistentReservations state = unit.Reservations.Persistent;
        bool wasKept = state.IsKept;
        change(task, state);
        ValueTask ended = unit.Reservations.TellAll();
        return task.Status == ScsiStatus.Good && (wasKept || state.IsKept || !ended.IsCompleted)
            ? KeepAsync(task, ended)
            : ended;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask KeepAsync(ScsiTask task, ValueTask ended)
    {
        LogicalUnit unit = task.Unit!;
        string text = ReservationText.OfKept(unit.Reservations.Persistent);
        if (text != unit.Volume.Reservations)
            task.Settle(await unit.Volume.SaveReservationsAsync(text));
        await ended;
    }

    // What was taken away elsewhere need not be waited for: nothing of it has an effect from now on.
    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask RunShared(
        ScsiTask task, ISharedReservations shared, Action<ScsiTask, PersistentReservations> change)
    {
        for (int i = 0; i < Attempts; i++)
        {
            IoStatus confirmed = await shared.ConfirmAsync();
            string before = shared.Text;
            if (confirmed != IoStatus.Ok || ReservationText.Parse(before) is not { } state)
            {
                task.Settle(confirmed == IoStatus.Ok ? IoStatus.NotSupported : confirmed);
                return;
            }

            change(task, state);
            string after = ReservationText.OfAll(state);
            if (task.Status != ScsiStatus.Good || after == before) return;
            CompareResult changed =
                await shared.ChangeAsync(before, after, ReservationNotice.ToText(state.Notices));
            if (changed.Status == IoStatus.NoSpace) task.Fail(Sense.InsufficientRegistrationResources);
            else task.Settle(changed.Status);
            if (changed.Status != IoStatus.Ok || changed.Difference < 0) return;
        }

        task.Status = ScsiStatus.Busy;
    }
}
