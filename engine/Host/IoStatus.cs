namespace Cstor.Engine.Host;

/// <summary>
/// How an I/O ended, one member per cause that an operator, a disk, a peer or an initiator can bring about.
/// The target maps it to SCSI sense in one table (<c>target/Scsi/SenseMap.cs</c>).
/// </summary>
public enum IoStatus
{
    Ok = 0,

    /// <summary>The device reported an error (EIO and its kin).</summary>
    DeviceError,

    /// <summary>The device is gone or was closed (ENODEV, ENXIO, EBADF).</summary>
    DeviceGone,

    /// <summary>
    /// The device did not answer within its deadline. The memory of a read that ended so may still be
    /// written by the device: it must not be read into again; whoever rented it gives it back, rents other
    /// memory and may repeat the read, which redundancy can then answer.
    /// </summary>
    DeviceTimeout,

    /// <summary>Every copy that could be read failed its checksum.</summary>
    ChecksumMismatch,

    /// <summary>The pool has no room for the write.</summary>
    NoSpace,

    /// <summary>The volume or pool is read-only.</summary>
    ReadOnly,

    /// <summary>The range is outside the device or volume.</summary>
    OutOfRange,

    /// <summary>
    /// The pool stopped after a failed metadata write; nothing was changed by this request.
    /// </summary>
    PoolStopped,

    /// <summary>The volume or pool is being closed or destroyed.</summary>
    Closed,

    /// <summary>The request was abandoned by its sender.</summary>
    Aborted,

    /// <summary>The device or volume does not do this (discard on a disk without it).</summary>
    NotSupported,

    /// <summary>No memory or no buffer within the configured bounds.</summary>
    NoMemory,

    /// <summary>
    /// Nobody leads the replicas of the volume now, or the node that did was lost meanwhile: ask again.
    /// </summary>
    NotLeader,
}
