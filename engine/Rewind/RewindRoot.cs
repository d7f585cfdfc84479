namespace Cstor.Engine.Rewind;

/// <summary>A root of a pool, and what it leads to.</summary>
/// <param name="Checkpoint">That wrote it.</param>
/// <param name="UnixNanoseconds">When.</param>
/// <param name="NanosecondsBack">How long before the newest root.</param>
/// <param name="Damage">The first thing found that cannot be read, or empty: then it is whole.</param>
/// <param name="Volumes">Volumes and snapshots there were; of a damaged root those that could be
/// read.</param>
/// <param name="Losses">Of a whole root: what going back to it undoes.</param>
public sealed record RewindRoot(
    ulong Checkpoint,
    long UnixNanoseconds,
    long NanosecondsBack,
    string Damage,
    IReadOnlyList<RewindVolume> Volumes,
    IReadOnlyList<RewindLoss> Losses);
