namespace Cstor.Tests.Simulation;

/// <summary>How a run of the event queue ended.</summary>
public enum RunEnd
{
    /// <summary>The task completed.</summary>
    Completed,

    /// <summary>
    /// The node on which the task ran lost power or was killed: the task will never complete.
    /// </summary>
    NodeDied,
}
