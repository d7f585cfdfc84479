namespace Cstor.Target.Scsi;

/// <summary>An I_T nexus registered for persistent reservations.</summary>
internal sealed class Registrant(NexusName name)
{
    public NexusName Name => name;

    public ulong Key { get; set; }
}
