namespace Cstor.PoolLayout.Streams;

/// <summary>What a record of a stream is.</summary>
public enum StreamRecordKind : byte
{
    None = 0,

    /// <summary>The first record: its payload is a <see cref="StreamBegin"/>.</summary>
    Begin = 1,

    /// <summary>A block that differs; the payload is its stored bytes.</summary>
    Data = 2,

    /// <summary>A run of blocks that are holes now.</summary>
    Holes = 3,

    /// <summary>The last record: nothing is missing.</summary>
    End = 4,
}
