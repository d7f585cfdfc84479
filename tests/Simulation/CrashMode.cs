namespace Cstor.Tests.Simulation;

/// <summary>
/// What a power cut leaves of the sectors that were written and not flushed, or were being written.
/// </summary>
public enum CrashMode
{
    /// <summary>
    /// Each sector by chance: the durable content, any version written since, or a mixture of two.
    /// </summary>
    Random,

    /// <summary>The cache is lost: only what was flushed.</summary>
    DropUnflushed,

    /// <summary>Everything arrived, writes under way included.</summary>
    KeepEverything,

    /// <summary>Completed writes arrived, those under way did not.</summary>
    KeepCompleted,

    /// <summary>Writes arrived in order up to a random one.</summary>
    KeepPrefix,

    /// <summary>Every unflushed sector is a mixture of old and new in units of 512 bytes.</summary>
    TearUnflushed,
}
