namespace Cstor.Engine.Vdevs;

/// <summary>What the uberblock rings hold.</summary>
/// <param name="Roots">All valid roots of this pool, newest first.</param>
/// <param name="Damaged">Slots that hold neither a valid root nor nothing: "/dev/sdb label 2 slot 7: checksum
/// mismatch".</param>
/// <param name="NewestMissing">Labels that lack the newest root although they should have it: "/dev/sdb label
/// 2".</param>
public sealed record UberblockScan(
    IReadOnlyList<FoundUberblock> Roots,
    IReadOnlyList<string> Damaged,
    IReadOnlyList<string> NewestMissing);
