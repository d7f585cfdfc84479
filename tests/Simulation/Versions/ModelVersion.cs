using System.Collections.Immutable;

namespace Cstor.Tests.Simulation.Versions;

/// <summary>A volume or snapshot as it must be. Never changes; an operation makes another one.</summary>
/// <param name="Id">Kept for life.</param>
/// <param name="Previous">Identity of the version before it, 0 if there is none.</param>
/// <param name="BlockShift">Log2 of the block.</param>
/// <param name="BlockCount">Size in blocks.</param>
/// <param name="Contents">Stamps of the blocks that are not zero.</param>
internal sealed record ModelVersion(
    int Id, int Previous, int BlockShift, long BlockCount, ImmutableSortedDictionary<long, ulong> Contents);
