namespace Cstor.Target.Scsi;

/// <summary>How far an EXTENDED COPY is.</summary>
internal sealed class CopyResult
{
    public bool IsDone { get; set; }

    public bool IsFailed { get; set; }

    /// <summary>Segments that were begun.</summary>
    public int Segments { get; set; }

    public long CopiedBytes { get; set; }
}
