namespace Cstor.PoolLayout.Records;

/// <summary>How a scrub or resilver stands.</summary>
public enum ScanState : byte
{
    /// <summary>There was none.</summary>
    None,

    /// <summary>Goes on by itself after a restart.</summary>
    Running,

    /// <summary>Stands still until it is told to go on, across restarts.</summary>
    Paused,

    Finished,

    /// <summary>Ended before its end.</summary>
    Canceled,
}
