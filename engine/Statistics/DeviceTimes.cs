using Cstor.Engine.Vdevs;

namespace Cstor.Engine.Statistics;

/// <summary>How long a device took for what it was asked, in nanoseconds, and how much that was.</summary>
internal sealed class DeviceTimes
{
    public Histogram Reads { get; } = new();

    public Histogram Writes { get; } = new();

    public Histogram Flushes { get; } = new();

    public long ReadBytes { get; private set; }

    public long WrittenBytes { get; private set; }

    /// <summary>A request has ended, in time or late.</summary>
    public void Add(DeviceRequest request, long nanoseconds)
    {
        switch (request.Kind)
        {
            case DeviceRequestKind.Read:
                Reads.Add(nanoseconds);
                ReadBytes += request.LengthBytes;
                break;
            case DeviceRequestKind.Write:
                Writes.Add(nanoseconds);
                WrittenBytes += request.LengthBytes;
                break;
            case DeviceRequestKind.Flush:
                Flushes.Add(nanoseconds);
                break;
            default:
                break;
        }
    }
}
