namespace Cstor.Engine.Statistics;

/// <summary>
/// How a volume's commands fared since it was opened: always counted, in nanoseconds and bytes. Belongs to
/// the volume's loop.
/// </summary>
public sealed class VolumeTimes
{
    private readonly SortedDictionary<string, Histogram> _peers = new(StringComparer.Ordinal);
    private readonly Histogram?[] _stages = new Histogram?[Enum.GetValues<IoStage>().Length];

    /// <summary>From the arrival of a READ to its answer.</summary>
    public Histogram Reads { get; } = new();

    /// <summary>Of WRITE and whatever else changes blocks.</summary>
    public Histogram Writes { get; } = new();

    /// <summary>Of SYNCHRONIZE CACHE.</summary>
    public Histogram Flushes { get; } = new();

    /// <summary>Bytes of each read.</summary>
    public Histogram ReadSizes { get; } = new();

    /// <summary>Bytes of each write.</summary>
    public Histogram WriteSizes { get; } = new();

    /// <summary>Answers of another node that has a replica; counted where this node leads.</summary>
    public Histogram AnswersOf(string node)
    {
        if (!_peers.TryGetValue(node, out Histogram? answers)) _peers.Add(node, answers = new Histogram());
        return answers;
    }

    /// <summary>Notes time that a command spent in a stage, or that each of several did.</summary>
    public void Add(IoStage stage, long nanoseconds, int times = 1) =>
        (_stages[(int)stage] ??= new Histogram()).Add(nanoseconds, times);

    public VolumeIo Take(string volume) => new(
        volume,
        Reads.Take(),
        Writes.Take(),
        Flushes.Take(),
        ReadSizes.Take(),
        WriteSizes.Take(),
        [.. _stages.Select(static stage => stage?.Take() ?? HistogramCounts.None)],
        [.. _peers.Select(static peer => new PeerIo(peer.Key, peer.Value.Take()))]);
}
