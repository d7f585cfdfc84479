namespace Cstor.Target.Scsi;

/// <summary>
/// Who may use the unit, checked before every command: the holder of an SPC-2 reservation (RESERVE), or what
/// the persistent reservation allows. The two kinds exclude each other (SPC-4 §5.13.3).
/// </summary>
internal sealed class ReservationState(LogicalUnit unit)
{
    private Nexus? _holder;

    public PersistentReservations Persistent { get; } = new(unit);

    /// <summary>True when the command must end in RESERVATION CONFLICT.</summary>
    public bool Conflicts(Nexus nexus, CommandDescriptor command)
    {
        if (_holder is not null && !ReferenceEquals(_holder, nexus))
            return !command.Is(CommandFlags.IgnoresReserve);
        return Persistent.Conflicts(nexus, command);
    }

    public bool TryReserve(Nexus nexus)
    {
        if (Persistent.HasAny) return Persistent.Shares(nexus);
        if (_holder is not null && !ReferenceEquals(_holder, nexus)) return false;
        _holder = nexus;
        return true;
    }

    /// <summary>
    /// Release by anyone else changes nothing, and is no error; by a stranger to persistent ones it is.
    /// </summary>
    public bool TryRelease(Nexus nexus)
    {
        if (Persistent.HasAny) return Persistent.Shares(nexus);
        NexusLost(nexus);
        return true;
    }

    public void NexusLost(Nexus nexus)
    {
        if (ReferenceEquals(_holder, nexus)) _holder = null;
    }

    public void UnitReset() => _holder = null;
}
