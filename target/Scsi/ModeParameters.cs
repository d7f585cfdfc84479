namespace Cstor.Target.Scsi;

/// <summary>
/// The mode parameters that may be changed: write cache (WCE), software write protection (SWP), sense
/// format (D_SENSE). Shared by all initiators, not saved.
/// </summary>
internal sealed class ModeParameters
{
    /// <summary>
    /// WCE: a write without FUA may wait for a flush. Off, every write is durable before it is answered.
    /// </summary>
    public bool WriteCache { get; set; } = true;

    public bool SoftwareWriteProtect { get; set; }

    public bool DescriptorSense { get; set; }

    public void Reset()
    {
        WriteCache = true;
        SoftwareWriteProtect = false;
        DescriptorSense = false;
    }
}
