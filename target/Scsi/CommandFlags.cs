namespace Cstor.Target.Scsi;

/// <summary>What the pipeline in front of a handler must know about a command.</summary>
[Flags]
internal enum CommandFlags
{
    None = 0,

    /// <summary>Runs even with a unit attention pending (INQUIRY, REPORT LUNS, REQUEST SENSE).</summary>
    IgnoresAttention = 1,

    /// <summary>Works where there is no logical unit.</summary>
    WithoutUnit = 2,

    /// <summary>
    /// Changes the medium: refused when write-protected, conflicts with any reservation of another.
    /// </summary>
    Writes = 4,

    /// <summary>Reads the medium or its state: conflicts with exclusive access of another.</summary>
    Reads = 8,

    /// <summary>LBA and count of the CDB must lie within the unit.</summary>
    ChecksRange = 16,

    /// <summary>Atomic against all other writers of its range: COMPARE AND WRITE, ORWRITE.</summary>
    Exclusive = 32,

    /// <summary>Count is bounded by MAXIMUM TRANSFER LENGTH.</summary>
    BoundedTransfer = 64,

    /// <summary>Allowed whoever holds a RESERVE(6) reservation.</summary>
    IgnoresReserve = 256,

    /// <summary>Changes the unit's state: conflicts with any persistent reservation of another.</summary>
    Changes = 512,

    /// <summary>Needs no medium: taken in every asymmetric access state (SPC-4 §5.16.2.4).</summary>
    AnyAccessState = 1024,

    /// <summary>Says what the reservations are, and must be right where other nodes change them.</summary>
    ShowsReservations = 2048,
}
