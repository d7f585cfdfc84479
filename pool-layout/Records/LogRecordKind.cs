namespace Cstor.PoolLayout.Records;

/// <summary>What a record of the commit log says.</summary>
public enum LogRecordKind : ushort
{
    /// <summary>A block of a volume has a new pointer: <see cref="LogWriteRecord"/>.</summary>
    Write = 1,

    /// <summary>A run of blocks became holes: <see cref="LogUnmapRecord"/>.</summary>
    Unmap = 2,

    /// <summary>
    /// A dataset was created or its settings changed: header, then a whole <see cref="DatasetRecord"/>.
    /// </summary>
    DatasetPut = 3,

    /// <summary>A snapshot was made: <see cref="LogSnapshotRecord"/>.</summary>
    Snapshot = 4,

    /// <summary>A volume went back to a snapshot: <see cref="LogRollbackRecord"/>.</summary>
    Rollback = 5,

    /// <summary>A clone took over the snapshots up to its origin from the volume that had them.</summary>
    Promote = 6,

    /// <summary>A part of a block has the bytes in the record: <see cref="LogPartRecord"/>.</summary>
    Part = 7,

    /// <summary>A replica has come so far: <see cref="LogPositionRecord"/>.</summary>
    Position = 8,
}
