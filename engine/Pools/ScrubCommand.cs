namespace Cstor.Engine.Pools;

/// <summary>What <c>pool scrub</c> asks for.</summary>
public enum ScrubCommand
{
    /// <summary>Begin, or go on if one is paused.</summary>
    Start,

    /// <summary>Stop for now and remember how far it came, across restarts.</summary>
    Pause,

    /// <summary>Give up the one under way.</summary>
    Stop,
}
