namespace Cstor.PoolLayout.Records;

/// <summary>What of a volume the read cache keeps.</summary>
public enum CachePolicy : byte
{
    /// <summary>Tree nodes and data.</summary>
    All = 0,

    /// <summary>Tree nodes only: for volumes whose users have a cache of their own.</summary>
    Metadata = 1,

    /// <summary>As little as possible: nodes give way first.</summary>
    None = 2,
}
