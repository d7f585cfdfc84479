namespace Cstor.Daemon.Api;

/// <summary>What a check of a whole pool found.</summary>
/// <param name="Pool">Name of the pool.</param>
/// <param name="Blocks">Blocks of which everything stored was read and verified.</param>
/// <param name="UsedBytes">Space that the root leads to, copies and parity included.</param>
/// <param name="ProblemCount">Problems in all; 0: the pool is whole.</param>
/// <param name="Problems">In words, the first of them if there are many.</param>
/// <param name="Notes">What to know about the check itself.</param>
internal sealed record CheckView(
    string Pool, long Blocks, long UsedBytes, long ProblemCount, string[] Problems, string[] Notes);
