namespace Cstor.Engine.Vdevs;

/// <summary>
/// Reads that a slow device is given, one for each 256 of its vdev, to show if it has recovered.
/// </summary>
internal sealed class ReadProbes
{
    private const int Interval = 256;

    private long _grantedAt;

    /// <summary>Reads that it may be given now.</summary>
    public long Due { get; private set; }

    /// <param name="vdevReads">Reads of the whole vdev so far.</param>
    /// <param name="isNew">The device has become slow just now.</param>
    public void Grant(long vdevReads, bool isNew)
    {
        if (isNew) _grantedAt = vdevReads;
        long due = (vdevReads - _grantedAt) / Interval;
        if (due == 0) return;
        Due = due;
        _grantedAt = vdevReads;
    }

    /// <summary>The device is being read.</summary>
    public void Take()
    {
        if (Due > 0) Due--;
    }
}
