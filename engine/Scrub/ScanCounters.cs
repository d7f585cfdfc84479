namespace Cstor.Engine.Scrub;

/// <summary>What a pass has done so far.</summary>
internal record struct ScanCounters
{
    /// <summary>Allocated space looked at, copies and parity included.</summary>
    public long ExaminedBytes { get; set; }

    /// <summary>Bytes read from devices and written to them.</summary>
    public long IssuedBytes { get; set; }

    /// <summary>Blocks of which a wrong or missing part was rewritten.</summary>
    public long RepairedBlocks { get; set; }

    /// <summary>Blocks that nothing gives back.</summary>
    public long LostBlocks { get; set; }

    /// <summary>Blocks that devices which are away may still have.</summary>
    public long AwayBlocks { get; set; }
}
