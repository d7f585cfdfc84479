namespace Cstor.Engine.Space;

/// <summary>
/// What space is taken for. Each class fills regions of its own where there are enough, so that neighbours
/// on disk were written together; only data leaves the reserve alone.
/// </summary>
internal enum AllocationClass
{
    Data,

    /// <summary>First copies of tree nodes, tables and the log.</summary>
    Metadata,

    /// <summary>Second copies, away from the first.</summary>
    MetadataCopy,
}
