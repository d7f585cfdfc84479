using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// Requests under way, oldest first: they begin in order, so the oldest is known without a timer for each,
/// and they end in any order, so each is a link.
/// </summary>
internal sealed class RequestQueue
{
    private DeviceRequest? _newest;

    public DeviceRequest? Oldest { get; private set; }

    public void Add(DeviceRequest request)
    {
        Check.That(request.Older is null && request.Newer is null);
        request.Older = _newest;
        if (_newest is null) Oldest = request;
        else _newest.Newer = request;
        _newest = request;
    }

    public void Remove(DeviceRequest request)
    {
        if (request.Older is { } older) older.Newer = request.Newer;
        else Oldest = request.Newer;
        if (request.Newer is { } newer) newer.Older = request.Older;
        else _newest = request.Older;
        request.Older = null;
        request.Newer = null;
    }

    /// <summary>Counts the time of each from now on.</summary>
    public void Restart(long nowNanoseconds)
    {
        for (DeviceRequest? request = Oldest; request is not null; request = request.Newer)
            request.StartedNanoseconds = nowNanoseconds;
    }

    /// <summary>Keeps the memory of each (see <see cref="DeviceRequest.KeepMemory"/>).</summary>
    /// <returns>How many there are.</returns>
    public int KeepMemory(BufferPool buffers)
    {
        int count = 0;
        for (DeviceRequest? request = Oldest; request is not null; request = request.Newer, count++)
            request.KeepMemory(buffers);
        return count;
    }
}
