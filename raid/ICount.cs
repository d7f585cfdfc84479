namespace Cstor.Raid;

/// <summary>How many columns a kernel has: known when it is compiled, so each stays in a register.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}
