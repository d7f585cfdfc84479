using System.Diagnostics;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How far a transfer is, on standard error once a second for who asked for it.</summary>
internal sealed class StreamProgress(TextWriter error, bool isWanted)
{
    private readonly Stopwatch _time = Stopwatch.StartNew();
    private long _bytes;
    private long _shownSeconds;

    public void Add(int bytes)
    {
        _bytes += bytes;
        long seconds = (long)_time.Elapsed.TotalSeconds;
        if (!isWanted || seconds == _shownSeconds) return;
        _shownSeconds = seconds;
        error.WriteLine($"{ByteSize.Format(_bytes)}, {ByteSize.Format(_bytes / seconds)}/s");
    }
}
