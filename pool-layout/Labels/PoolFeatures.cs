namespace Cstor.PoolLayout.Labels;

/// <summary>
/// Names of the features that this program understands beyond the first format. A label lists those its pool
/// uses: an unknown one among <see cref="PoolLabel.Features"/> means refusal, among <see
/// cref="PoolLabel.WriteFeatures"/> read-only.
/// </summary>
public static class PoolFeatures
{
    /// <summary>Everything that this program can read and write.</summary>
    public static readonly IReadOnlyList<string> Known = [];

    public static bool IsKnown(string name) => Known.Contains(name, StringComparer.Ordinal);
}
