namespace Cstor.Target.Scsi;

/// <summary>
/// How a unit is reached through this server: one target port in one group (SPC-4 §5.16). The identities of
/// both are fixed, for initiators remember paths by them. A unit whose volume is served from elsewhere can
/// say so by its state; only commands that need no medium are then taken.
/// </summary>
internal sealed class PortGroup(LogicalUnit unit)
{
    /// <summary>RELATIVE TARGET PORT IDENTIFIER of the only port.</summary>
    public const ushort RelativePort = 1;

    /// <summary>TARGET PORT GROUP of the only group.</summary>
    public const ushort GroupId = 1;

    /// <summary>Changed by itself, not by SET TARGET PORT GROUPS: TPGS of standard INQUIRY data.</summary>
    public const byte ImplicitAccess = 0x10;

    public AccessState State { get; private set; }

    /// <summary>Every initiator is told.</summary>
    public void Change(AccessState state)
    {
        if (State == state) return;
        State = state;
        unit.AttendAll(Sense.AccessStateChanged);
    }

    /// <summary>Why a command cannot be taken in this state, or null.</summary>
    public Sense? Refusal(CommandDescriptor command)
    {
        if (State <= AccessState.ActiveNonOptimized || command.Is(CommandFlags.AnyAccessState)) return null;
        return State switch
        {
            AccessState.Standby => Sense.PathInStandby,
            AccessState.Unavailable => Sense.PathUnavailable,
            _ => Sense.PathInTransition,
        };
    }
}
