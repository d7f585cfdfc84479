namespace Cstor.Tests.Simulation.Oracle;

/// <summary>A block was read that may not be read now.</summary>
public sealed class OracleException : Exception
{
    public OracleException(string message)
        : base(message)
    {
    }
}
