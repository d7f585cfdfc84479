namespace Cstor.Target.Scsi;

/// <summary>Asymmetric access state of a target port group, SPC-4 §5.16.2.</summary>
internal enum AccessState : byte
{
    ActiveOptimized = 0x0,
    ActiveNonOptimized = 0x1,
    Standby = 0x2,
    Unavailable = 0x3,
    Transitioning = 0xf,
}
