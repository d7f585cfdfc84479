using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>Reads of several blocks that are awaited together.</summary>
internal readonly struct RaidzBatch(int capacity)
{
    private readonly List<ValueTask<IoStatus>> _reads = new(capacity);

    public void Add(ValueTask<IoStatus> read) => _reads.Add(read);

    /// <summary>Ends when all have.</summary>
    /// <returns>The last failure, or Ok.</returns>
    public async ValueTask<IoStatus> EndAsync()
    {
        IoStatus result = IoStatus.Ok;
        foreach (ValueTask<IoStatus> read in _reads)
        {
            IoStatus status = await read;
            if (status != IoStatus.Ok && result != IoStatus.DeviceTimeout) result = status;
        }

        return result;
    }
}
