namespace Cstor.Target.Scsi;

/// <summary>
/// How a unit is reached: one target port in one group here, and of a replicated volume one for each other
/// node (SPC-4 §5.16). Their identities never change, for initiators remember paths by them. All of them
/// take commands; one is the shortest way.
/// </summary>
internal sealed class PortGroup(LogicalUnit unit)
{
    /// <summary>Changed by itself, not by SET TARGET PORT GROUPS: TPGS of standard INQUIRY data.</summary>
    public const byte ImplicitAccess = 0x10;

    /// <summary>
    /// RELATIVE TARGET PORT IDENTIFIER of the port here, and TARGET PORT GROUP of its group.
    /// </summary>
    public ushort Id { get; private set; } = 1;

    public AccessState State { get; private set; }

    /// <summary>Ports on other nodes, each in a group of its own with the same number.</summary>
    public IReadOnlyList<TargetPort> Others { get; private set; } = [];

    /// <summary>Of all ports of the unit.</summary>
    public ushort[] Ids => [Id, .. Others.Select(static port => port.Id)];

    /// <summary>Says which ports there are; every initiator is told if that changes a state.</summary>
    public void Describe(ushort own, IReadOnlyList<TargetPort> all)
    {
        TargetPort[] others = [.. all.Where(port => port.Id != own)];
        AccessState state = all.Any(port => port.Id == own && port.IsOptimized)
            ? AccessState.ActiveOptimized
            : AccessState.ActiveNonOptimized;
        bool isChange = State != state || !others.SequenceEqual(Others);
        Id = own;
        Others = others;
        State = state;
        if (isChange) unit.AttendAll(Sense.AccessStateChanged);
    }

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
