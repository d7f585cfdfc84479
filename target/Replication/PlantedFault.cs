namespace Cstor.Target.Replication;

/// <summary>What a member is made to do wrong, so that tests show that they would notice.</summary>
internal enum PlantedFault
{
    None,

    /// <summary>
    /// Takes entries from leaders older than what it promised, promises at any time, reads without a lease.
    /// </summary>
    NoFencing,

    /// <summary>Takes its own vote and its own record for a quorum.</summary>
    QuorumOfOne,

    /// <summary>Takes a replica that was away for equal without comparing it.</summary>
    NoComparison,

    /// <summary>Counts quorums by the voters that the group had once, whoever was added since.</summary>
    OldVoters,

    /// <summary>Lets others change a range between a comparison and the write that depends on it.</summary>
    LooseComparison,

    /// <summary>Tells nobody of changes of reservations.</summary>
    OwnReservations,
}
