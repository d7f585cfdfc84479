namespace Cstor.Target.Replication;

/// <summary>What an initiator asked of a node that does not lead.</summary>
internal enum RelayKind
{
    Read = 1,

    Write = 2,

    /// <summary>Write, and answer when it is durable.</summary>
    WriteDurably = 3,

    Unmap = 4,

    Flush = 5,

    /// <summary>Write the second half of the data if the range holds the first.</summary>
    CompareAndWrite = 6,

    /// <summary>What is the number of the newest reservations?</summary>
    ConfirmReservations = 7,

    /// <summary>Change them: three lines with what they were, what they are to be, and notices.</summary>
    ChangeReservations = 8,
}
