namespace Cstor.Target.Scsi;

/// <summary>As what a command is counted that has ended.</summary>
internal enum EndedKind
{
    Read,

    Write,

    /// <summary>Of blocks that its parameters name, as UNMAP: no size of a transfer is counted.</summary>
    ChangeWithoutSize,

    Flush,
}
