using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Rewind;

/// <summary>What a walk found below a root.</summary>
/// <param name="Root">The root.</param>
/// <param name="Damage">The first thing that cannot be read, or empty.</param>
/// <param name="Datasets">Volumes and snapshots that are not being destroyed, or null if their table cannot
/// be read.</param>
internal sealed record RootContents(Uberblock Root, string Damage, IReadOnlyList<DatasetRecord>? Datasets)
{
    /// <summary>For who shows them.</summary>
    public IReadOnlyList<RewindVolume> Volumes =>
    [
        .. (Datasets ?? []).OrderBy(dataset => dataset.Name, StringComparer.Ordinal)
            .Select(dataset => new RewindVolume(dataset.Name, dataset.SizeBytes)),
    ];
}
