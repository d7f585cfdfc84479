using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>The one table from <see cref="IoStatus"/> to what the initiator is told.</summary>
internal static class SenseMap
{
    /// <summary>
    /// Status and sense for an I/O that did not succeed. What passes by itself is BUSY, so that initiators
    /// try again instead of failing the file system above.
    /// </summary>
    public static (ScsiStatus Status, Sense Sense) For(IoStatus status, bool isWrite) => status switch
    {
        IoStatus.Ok => (ScsiStatus.Good, Sense.None),
        IoStatus.DeviceError => Check(isWrite ? Sense.WriteError : Sense.UnrecoveredReadError),
        IoStatus.DeviceGone => Check(Sense.NotReadyCauseUnknown),
        IoStatus.DeviceTimeout => Check(Sense.CommandTimeout),
        IoStatus.ChecksumMismatch => Check(Sense.UnrecoveredReadError),
        IoStatus.NoSpace => Check(Sense.SpaceAllocationFailed),
        IoStatus.ReadOnly => Check(Sense.WriteProtected),
        IoStatus.OutOfRange => Check(new Sense(0x05, 0x21, 0x00)),
        IoStatus.PoolStopped => Check(Sense.NotReadyManualIntervention),
        IoStatus.Closed => Check(Sense.NotReadyCauseUnknown),
        IoStatus.Aborted => Check(Sense.AbortedNoInformation),
        IoStatus.NotSupported => Check(Sense.InvalidOpcode),
        IoStatus.NoMemory or IoStatus.NotLeader => (ScsiStatus.Busy, Sense.None),
        _ => Check(Sense.InternalFailure),
    };

    private static (ScsiStatus Status, Sense Sense) Check(Sense sense) => (ScsiStatus.CheckCondition, sense);
}
