namespace Cstor.Target.Scsi;

/// <summary>How a PERSISTENT RESERVE OUT ended.</summary>
internal enum ReservationResult
{
    Good,

    /// <summary>RESERVATION CONFLICT: not registered, or under another key.</summary>
    Conflict,

    /// <summary>INVALID RELEASE OF PERSISTENT RESERVATION.</summary>
    InvalidRelease,

    /// <summary>INVALID FIELD IN PARAMETER LIST.</summary>
    InvalidParameter,

    /// <summary>INSUFFICIENT REGISTRATION RESOURCES.</summary>
    NoResources,
}
