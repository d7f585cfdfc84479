namespace Cstor.Target.Scsi;

/// <summary>An initiator port registered for persistent reservations.</summary>
internal sealed class Registrant(string portName)
{
    /// <summary>iSCSI initiator port name: name,i,0xISID.</summary>
    public string PortName => portName;

    public ulong Key { get; set; }
}
