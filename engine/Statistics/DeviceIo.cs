namespace Cstor.Engine.Statistics;

/// <summary>What a device of a pool had done at one moment, or between two.</summary>
/// <param name="Guid">Identity from the label.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Vdev">The top-level vdev that it is in, as <c>mirror-0</c>; <c>spare</c> for a spare.</param>
/// <param name="UnderWay">Requests that have not ended.</param>
/// <param name="Reads">Nanoseconds of each read.</param>
/// <param name="Writes">Nanoseconds of each write.</param>
/// <param name="Flushes">Nanoseconds of each flush.</param>
/// <param name="ReadBytes">Bytes read.</param>
/// <param name="WrittenBytes">Bytes written.</param>
public sealed record DeviceIo(
    Guid Guid,
    string Path,
    string Vdev,
    int UnderWay,
    HistogramCounts Reads,
    HistogramCounts Writes,
    HistogramCounts Flushes,
    long ReadBytes,
    long WrittenBytes)
{
    /// <summary>What was done since an earlier moment.</summary>
    public DeviceIo Since(DeviceIo earlier)
    {
        if (earlier.ReadBytes > ReadBytes || earlier.WrittenBytes > WrittenBytes) return this;
        return this with
        {
            Reads = Reads.Since(earlier.Reads),
            Writes = Writes.Since(earlier.Writes),
            Flushes = Flushes.Since(earlier.Flushes),
            ReadBytes = ReadBytes - earlier.ReadBytes,
            WrittenBytes = WrittenBytes - earlier.WrittenBytes,
        };
    }
}
