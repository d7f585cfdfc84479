using Cstor.Target.Iscsi;
using Cstor.Target.Scsi;

namespace Cstor.Target;

/// <summary>A target as the server keeps it: its definition, its logical unit and its sessions.</summary>
internal sealed class TargetNode
{
    private readonly HashSet<string>? _allowed;

    public TargetNode(TargetDefinition definition, string iqn, int logicalBlockBytes)
    {
        Definition = definition;
        Iqn = iqn;
        Unit = new LogicalUnit(definition.Volume, iqn, logicalBlockBytes);
        Unit.AbortTasksOf = AbortTasksOf;
        if (definition.AllowedInitiators is { Count: > 0 } allowed)
            _allowed = new HashSet<string>(allowed, StringComparer.OrdinalIgnoreCase);
    }

    public TargetDefinition Definition { get; }

    /// <summary>Name in lower case.</summary>
    public string Iqn { get; }

    public LogicalUnit Unit { get; }

    public List<IscsiSession> Sessions { get; } = [];

    /// <summary>Being removed: no new session.</summary>
    public bool IsLeaving { get; set; }

    private void AbortTasksOf(string portName)
    {
        foreach (IscsiSession session in Sessions)
        {
            if (session.Setup.Nexus!.PortName != portName) continue;
            foreach (IscsiTask task in session.Tasks.Values.ToArray()) session.Abort(task, null);
        }
    }

    public bool Allows(string initiatorName) => _allowed is null || _allowed.Contains(initiatorName);
}
