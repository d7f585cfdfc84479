namespace Cstor.Target.Scsi;

/// <summary>
/// RESERVE and RELEASE of SPC-2 §7.21: the whole unit, for one nexus, until released, reset or nexus loss.
/// </summary>
internal static class ReserveCommands
{
    public static ValueTask Reserve(ScsiTask task) => ReservationUpdate.Run(task, static (task, state) =>
    {
        NexusName nexus = task.Unit!.Reservations.NameOf(task.Nexus);
        if (task.Unit.Reservations.IsReleasing(nexus))
        {
            task.Status = ScsiStatus.Busy;
            return;
        }

        bool isFree = state.Reserver is null || state.Reserver == nexus;
        Settle(task, state.HasAny ? state.Shares(nexus) : isFree);
        if (!state.HasAny && isFree) state.Reserver = nexus;
    });

    // By anyone else it changes nothing, and is no error; by a stranger to persistent ones it is.
    public static ValueTask Release(ScsiTask task) => ReservationUpdate.Run(task, static (task, state) =>
    {
        NexusName nexus = task.Unit!.Reservations.NameOf(task.Nexus);
        Settle(task, !state.HasAny || state.Shares(nexus));
        if (!state.HasAny && state.Reserver == nexus) state.Reserver = null;
    });

    private static void Settle(ScsiTask task, bool isGood) =>
        task.Status = isGood ? ScsiStatus.Good : ScsiStatus.ReservationConflict;
}
