using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Target;

/// <summary>A volume of zeroes on a device that several share: one request after the other.</summary>
internal sealed class QueuedVolume(string name, QueuedVolume.Device device) : IBlockVolume
{
    public Guid Id { get; } = new(name.Length, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

    public string Name => name;

    public long SizeBytes => 64L * 1024 * 1024;

    public int BlockSizeBytes => 4096;

    public bool IsReadOnly => false;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        into.Span.Clear();
        return device.ServeAsync(into.LengthBytes);
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) =>
        device.ServeAsync(from.LengthBytes);

    public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes) => device.ServeAsync(0);

    public ValueTask<IoStatus> FlushAsync() => new(IoStatus.Ok);

    /// <summary>Takes its requests in the order in which they come.</summary>
    internal sealed class Device(ILoop loop)
    {
        /// <summary>For a request of 4K or less; a larger one takes as many times as long.</summary>
        public const long ServiceNanoseconds = 5_000_000;

        private long _freeNanoseconds;

        /// <summary>Requests that have not ended.</summary>
        public int UnderWay { get; private set; }

        public async ValueTask<IoStatus> ServeAsync(int lengthBytes)
        {
            long service = ServiceNanoseconds * Math.Max(1, lengthBytes / 4096);
            _freeNanoseconds = Math.Max(_freeNanoseconds, loop.NowNanoseconds) + service;
            UnderWay++;
            await loop.DelayAsync(_freeNanoseconds - loop.NowNanoseconds);
            UnderWay--;
            return IoStatus.Ok;
        }
    }
}
