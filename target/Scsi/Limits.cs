namespace Cstor.Target.Scsi;

/// <summary>
/// What one command may ask for; announced in the block limits page where SBC-3 has a field for it.
/// </summary>
internal static class Limits
{
    /// <summary>MAXIMUM TRANSFER LENGTH: data of one command fits one pooled buffer.</summary>
    public const int MaximumTransferBytes = 2 * 1024 * 1024;

    /// <summary>OPTIMAL TRANSFER LENGTH.</summary>
    public const int OptimalTransferBytes = 1024 * 1024;

    /// <summary>A long read is done and sent in parts of this size.</summary>
    public const int ReadPartBytes = 1024 * 1024;

    /// <summary>
    /// MAXIMUM UNMAP LBA COUNT, of all descriptors together: a command stays a bounded piece of work.
    /// </summary>
    public const int MaximumUnmapBlocks = 1024 * 1024;

    /// <summary>MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT.</summary>
    public const int MaximumUnmapDescriptors = 256;

    /// <summary>MAXIMUM WRITE SAME LENGTH, blocks: what WRITE SAME(10) can say.</summary>
    public const int MaximumWriteSameBlocks = 65535;

    /// <summary>MAXIMUM COMPARE AND WRITE LENGTH, blocks.</summary>
    public const int MaximumCompareAndWriteBlocks = 255;

    /// <summary>Longest parameter list taken (UNMAP, MODE SELECT, PERSISTENT RESERVE OUT).</summary>
    public const int MaximumParameterBytes = 65535;
}
