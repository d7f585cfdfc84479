namespace Cstor.Engine.Statistics;

/// <summary>What <see cref="VolumeTimes"/> had counted at one moment, or between two.</summary>
/// <param name="Volume">Pool and volume.</param>
/// <param name="Reads">Nanoseconds of each read.</param>
/// <param name="Writes">Nanoseconds of each write, unmap included.</param>
/// <param name="Flushes">Nanoseconds of each flush.</param>
/// <param name="ReadSizes">Bytes of each read.</param>
/// <param name="WriteSizes">Bytes of each write.</param>
/// <param name="Stages">Nanoseconds by <see cref="IoStage"/>.</param>
/// <param name="Peers">Other nodes with a replica, where this one leads.</param>
public sealed record VolumeIo(
    string Volume,
    HistogramCounts Reads,
    HistogramCounts Writes,
    HistogramCounts Flushes,
    HistogramCounts ReadSizes,
    HistogramCounts WriteSizes,
    HistogramCounts[] Stages,
    PeerIo[] Peers)
{
    public static VolumeIo None(string volume) => new(
        volume, HistogramCounts.None, HistogramCounts.None, HistogramCounts.None, HistogramCounts.None,
        HistogramCounts.None, [], []);

    public HistogramCounts Stage(IoStage stage) =>
        (int)stage < Stages.Length ? Stages[(int)stage] : HistogramCounts.None;

    /// <summary>What was counted since an earlier moment.</summary>
    public VolumeIo Since(VolumeIo earlier) => new(
        Volume,
        Reads.Since(earlier.Reads),
        Writes.Since(earlier.Writes),
        Flushes.Since(earlier.Flushes),
        ReadSizes.Since(earlier.ReadSizes),
        WriteSizes.Since(earlier.WriteSizes),
        [.. Stages.Select((stage, index) => stage.Since(earlier.Stage((IoStage)index)))],
        [.. Peers.Select(peer => peer with { Answers = peer.Answers.Since(earlier.AnswersOf(peer.Node)) })]);

    private HistogramCounts AnswersOf(string node) =>
        Peers.FirstOrDefault(peer => peer.Node == node)?.Answers ?? HistogramCounts.None;
}
