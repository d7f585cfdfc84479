namespace Cstor.Tests.Simulation;

/// <summary>A run that failed. The message carries the seed, which replays it.</summary>
public sealed class SimulationException : Exception
{
    public SimulationException(string message)
        : base(message)
    {
    }

    public SimulationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
