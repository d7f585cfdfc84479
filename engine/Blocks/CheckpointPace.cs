namespace Cstor.Engine.Blocks;

/// <summary>
/// How fast a checkpoint goes. While volumes are in use its work is spread over the time until the next one:
/// done at once it would take from them, for seconds, what a device has to give. How near the next one is
/// follows from what was used up since the freeze; a checkpoint that falls behind that takes more of the
/// devices, in proportion. Pure arithmetic.
/// </summary>
internal sealed class CheckpointPace(long idleAfterNanoseconds)
{
    // What others hardly feel, and what keeps any device busy.
    private const int LeastWidth = 2;
    private const int MostWidth = 16;

    // Behind by this part of the whole work, all of the width is used.
    private const double MostLag = 0.1;

    // The work is done when this part is used up, so that a device that slows down leaves some time.
    private const double SpreadPart = 0.75;

    // And after this time, however little is used up: what is frozen takes memory, and room in the log.
    private const double LongestNanoseconds = 20e9;

    // Not felt, whoever does them at once.
    private const long FewChanges = 4096;

    /// <summary>How long who is ahead waits before it looks again.</summary>
    public const long RestNanoseconds = 1_000_000;

    private long _changes;
    private long _done;
    private long _began;
    private long _requests;
    private long _lastRequest;

    /// <summary>
    /// Somebody waits for the checkpoint, or soon will. Otherwise it takes the devices a little at a time, so
    /// that the requests beside it, and flushes above all, wait for no more than one small write of it.
    /// </summary>
    public bool IsHurried { get; set; }

    /// <summary>
    /// What was used up since the freeze of that which makes the next checkpoint due: 0 nothing, 1 all.
    /// </summary>
    public Func<double> UsedUp { get; set; } = static () => 1;

    /// <summary>Reads and changes of volumes so far.</summary>
    public Func<long> Requests { get; set; } = static () => 0;

    /// <summary>Nodes read before it is their turn, at most.</summary>
    public int ReadsAhead => IsHurried ? MostWidth : Width;

    /// <summary>Writes of a checkpoint under way at most, unless it is hurried.</summary>
    public int Width
    {
        get
        {
            if (_changes == 0) return LeastWidth;
            double lag = (UsedUp() / SpreadPart) - Progress;
            return LeastWidth + (int)(Math.Clamp(lag / MostLag, 0, 1) * (MostWidth - LeastWidth));
        }
    }

    private double Progress => _done / (double)_changes;

    /// <summary>So many changes are to be brought into trees.</summary>
    public void Begin(long changes, long nowNanoseconds)
    {
        _changes = changes > FewChanges ? changes : 0;
        _done = 0;
        _began = _lastRequest = nowNanoseconds;
    }

    /// <summary>So many of them are.</summary>
    public void Advance(int changes) => _done += changes;

    /// <summary>All are; the rest is not spread.</summary>
    public void End() => _changes = 0;

    /// <summary>Whether the work is ahead of its time, and others want the devices.</summary>
    public bool IsAhead(long nowNanoseconds)
    {
        if (_changes == 0 || IsHurried) return false;
        long requests = Requests();
        if (requests != _requests) _lastRequest = nowNanoseconds;
        _requests = requests;
        if (nowNanoseconds - _lastRequest >= idleAfterNanoseconds) return false;
        double due = Math.Max(UsedUp() / SpreadPart, (nowNanoseconds - _began) / LongestNanoseconds);
        return Progress > due;
    }
}
