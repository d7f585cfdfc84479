namespace Cstor.Target.Scsi;

/// <summary>
/// Who may use the unit: the holder of an SPC-2 reservation, checked before every command.
/// </summary>
internal sealed class ReservationState(LogicalUnit unit)
{
    private Nexus? _holder;

    public LogicalUnit Unit => unit;

    /// <summary>True when the command must end in RESERVATION CONFLICT.</summary>
    public bool Conflicts(Nexus nexus, ScsiTask task) =>
        _holder is not null && !ReferenceEquals(_holder, nexus) &&
            !task.Command!.Is(CommandFlags.IgnoresReserve);

    public bool TryReserve(Nexus nexus)
    {
        if (_holder is not null && !ReferenceEquals(_holder, nexus)) return false;
        _holder = nexus;
        return true;
    }

    /// <summary>Release by anyone else changes nothing, and is no error.</summary>
    public void Release(Nexus nexus)
    {
        if (ReferenceEquals(_holder, nexus)) _holder = null;
    }

    public void NexusLost(Nexus nexus) => Release(nexus);

    public void UnitReset() => _holder = null;
}
