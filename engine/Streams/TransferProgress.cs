namespace Cstor.Engine.Streams;

/// <summary>How far a transfer is; belongs to the pool's loop.</summary>
public sealed class TransferProgress
{
    /// <summary>Stream that went through so far.</summary>
    public long Bytes { get; internal set; }

    /// <summary>Blocks go in ascending order: all before this one are done.</summary>
    public ulong Block { get; internal set; }

    /// <summary>Of the volume; 0 until it is known.</summary>
    public ulong BlockCount { get; internal set; }

    /// <summary>Part of the volume that is done, 0 to 1; null until it is known.</summary>
    public double? Share => BlockCount == 0 ? null : (double)Block / BlockCount;
}
