namespace Cstor.Target.Scsi;

/// <summary>
/// RESERVE and RELEASE of SPC-2 §7.21: the whole unit, for one nexus, until released, reset or nexus loss.
/// </summary>
internal static class ReserveCommands
{
    public static ValueTask Reserve(ScsiTask task)
    {
        if (task.Unit!.Reservations.TryReserve(task.Nexus)) task.Good();
        else task.Status = ScsiStatus.ReservationConflict;
        return default;
    }

    public static ValueTask Release(ScsiTask task)
    {
        if (task.Unit!.Reservations.TryRelease(task.Nexus)) task.Good();
        else task.Status = ScsiStatus.ReservationConflict;
        return default;
    }
}
