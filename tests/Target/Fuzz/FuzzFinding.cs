namespace Cstor.Tests.Target.Fuzz;

/// <summary>What the fuzzer found.</summary>
internal sealed class FuzzFinding : Exception
{
    public FuzzFinding(string what, Exception? inner = null)
        : base(what, inner)
    {
    }
}
