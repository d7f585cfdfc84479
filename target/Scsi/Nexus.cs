namespace Cstor.Target.Scsi;

/// <summary>
/// An initiator's view of the logical unit (I_T_L nexus): the unit attentions it has yet to be told, in the
/// order they came up.
/// </summary>
/// <param name="initiatorName">iSCSI name.</param>
/// <param name="isid">Initiator part of the session identifier.</param>
internal sealed class Nexus(string initiatorName, ulong isid)
{
    private const int MaximumAttentions = 16;

    /// <summary>Power on, reset, or loss of the nexus.</summary>
    private const byte ResetAsc = 0x29;

    private readonly List<Sense> _attentions = [];

    public string InitiatorName => initiatorName;

    public ulong Isid => isid;

    /// <summary>
    /// Initiator port name as reservations know it, SPC-4 §7.6.4.5: survives the session.
    /// </summary>
    public string PortName { get; } = NameOfPort(initiatorName, isid);

    public static string NameOfPort(string initiatorName, ulong isid) => $"{initiatorName},i,0x{isid:x12}";

    /// <summary>The transport takes queries of tasks, and the reset of this nexus alone.</summary>
    public bool AllowsQueries { get; init; }

    public bool HasAttention => _attentions.Count > 0;

    /// <summary>
    /// Queues a unit attention unless the same one waits; a reset replaces all others, but the loss of the
    /// nexus no reset, which tells of more (SAM-5 §5.14).
    /// </summary>
    public void Attend(Sense attention)
    {
        if (attention == Sense.NexusLoss && _attentions.Exists(static each => each.Asc == ResetAsc)) return;
        if (attention.Asc == ResetAsc) _attentions.Clear();
        if (_attentions.Contains(attention) || _attentions.Count == MaximumAttentions) return;
        _attentions.Add(attention);
    }

    /// <summary>Takes the oldest one.</summary>
    public Sense TakeAttention()
    {
        Sense first = _attentions[0];
        _attentions.RemoveAt(0);
        return first;
    }

    /// <summary>Drops one that an action of this nexus has made moot.</summary>
    public void Forget(Sense attention) => _attentions.Remove(attention);
}
