namespace Cstor.Engine.Statistics;

/// <summary>
/// Where the time of a volume's command goes. A stage is noted where there was something to wait for, so a
/// command that passes through at once costs nothing there.
/// </summary>
public enum IoStage
{
    /// <summary>From the command to the last of its data, which the initiator was to send.</summary>
    Network,

    /// <summary>In line behind commands that it must not overtake.</summary>
    Order,

    /// <summary>Held back by the volume's own limits.</summary>
    Limit,

    /// <summary>Behind a change of the same blocks.</summary>
    Overlap,

    /// <summary>Until the pool takes changes again: it has too much to write already.</summary>
    Held,

    /// <summary>Reading tree nodes that say where blocks are.</summary>
    Lookup,

    /// <summary>Reading blocks from devices.</summary>
    DeviceRead,

    /// <summary>Checksums and decompression of what was read.</summary>
    Verify,

    /// <summary>All that a write does before it is durable: compressing, placing, writing.</summary>
    Place,

    /// <summary>Writing blocks to devices.</summary>
    DeviceWrite,

    /// <summary>Making a change durable: the commit log and the flush of the devices.</summary>
    Commit,

    /// <summary>Until it was the volume's turn among those that share the pool.</summary>
    Share,

    /// <summary>Until the other replicas have what this node's own has already.</summary>
    Replicas,

    /// <summary>At the node that leads, to which this one handed it on.</summary>
    Relay,
}
