namespace Cstor.Target.Scsi;

/// <summary>What one command may ask for; announced in the block limits page where SBC-3 has a field for it.</summary>
internal static class Limits
{
    /// <summary>MAXIMUM TRANSFER LENGTH: data of one command fits one pooled buffer.</summary>
    public const int MaximumTransferBytes = 2 * 1024 * 1024;

    /// <summary>OPTIMAL TRANSFER LENGTH.</summary>
    public const int OptimalTransferBytes = 1024 * 1024;

    /// <summary>A long read is done and sent in parts of this size.</summary>
    public const int ReadPartBytes = 1024 * 1024;

    /// <summary>MAXIMUM UNMAP LBA COUNT, bytes of all descriptors together.</summary>
    public const long MaximumUnmapBytes = 8L * 1024 * 1024 * 1024;

    /// <summary>MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT.</summary>
    public const int MaximumUnmapDescriptors = 256;

    /// <summary>MAXIMUM WRITE SAME LENGTH.</summary>
    public const long MaximumWriteSameBytes = 4L * 1024 * 1024 * 1024;

    /// <summary>MAXIMUM COMPARE AND WRITE LENGTH, blocks.</summary>
    public const int MaximumCompareAndWriteBlocks = 128;

    /// <summary>Longest parameter list taken (UNMAP, MODE SELECT, PERSISTENT RESERVE OUT).</summary>
    public const int MaximumParameterBytes = 65535;
}
