using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// Requests under way at once, of which each is awaited: nothing ends before all have ended. Reusable.
/// </summary>
internal sealed class IoBatch
{
    private readonly List<ValueTask<IoStatus>> _underWay = [];
    private int _ended;

    /// <summary>Adds a request that has been started.</summary>
    public void Add(ValueTask<IoStatus> request) => _underWay.Add(request);

    /// <summary>The result of the next request, in order of adding.</summary>
    public ValueTask<IoStatus> NextAsync()
    {
        Check.That(_ended < _underWay.Count);
        ValueTask<IoStatus> request = _underWay[_ended++];
        if (_ended == _underWay.Count)
        {
            _underWay.Clear();
            _ended = 0;
        }

        return request;
    }

    /// <summary>The results of the next requests.</summary>
    public async ValueTask<IoStatus[]> NextAsync(int count)
    {
        IoStatus[] statuses = new IoStatus[count];
        for (int i = 0; i < count; i++) statuses[i] = await NextAsync();
        return statuses;
    }
}
