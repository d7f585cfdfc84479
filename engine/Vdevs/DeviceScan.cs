using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A device as a scan found it.</summary>
/// <param name="Path">Where.</param>
/// <param name="SizeBytes">Capacity.</param>
/// <param name="Labels">What is in its four labels.</param>
public sealed record DeviceScan(string Path, long SizeBytes, IReadOnlyList<LabelFinding> Labels)
{
    /// <summary>The newest whole label, or null.</summary>
    public PoolLabel? Label { get; } = LabelStore.Newest(Labels);

    /// <summary>How many of the four labels are whole and as new as the newest.</summary>
    public int WholeLabels =>
        Labels.Count(finding => finding.Label is { } label && label.Generation == Label!.Generation);
}
