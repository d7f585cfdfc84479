using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Scrub;

/// <summary>
/// What a scan tells an operator. Of single blocks a bounded number in a minute: a disk that is wrong
/// everywhere must not fill the log; all of them are counted.
/// </summary>
internal sealed partial class ScanLog(ILogger logger, string pool, ILoop loop)
{
    private const int LinesPerMinute = 20;
    private const long MinuteNanoseconds = 60_000_000_000;

    private long _minuteBegan = long.MinValue / 2;
    private int _lines;
    private int _withheld;

    public void Repaired(BlockPlace place, Examination found)
    {
        if (MayTell()) LogRepaired(logger, pool, place, found.Where, found.RepairedParts, found.BadParts);
    }

    public void Lost(string what, IoStatus status)
    {
        if (MayTell()) LogLost(logger, pool, what, status);
    }

    public void Began(string kind, string what) => LogBegan(logger, pool, kind, what);

    public void Ended(string kind, string state, long repaired, long lost)
    {
        TellWithheld();
        LogEnded(logger, pool, kind, state, repaired, lost);
    }

    public void Incomplete(long blocks) => LogIncomplete(logger, pool, blocks);

    public void Complete(string path) => LogComplete(logger, pool, path);

    private bool MayTell()
    {
        if (loop.NowNanoseconds - _minuteBegan >= MinuteNanoseconds)
        {
            TellWithheld();
            _minuteBegan = loop.NowNanoseconds;
            _lines = 0;
        }

        if (_lines++ < LinesPerMinute) return true;
        _withheld++;
        return false;
    }

    private void TellWithheld()
    {
        if (_withheld > 0) LogWithheld(logger, pool, _withheld);
        _withheld = 0;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "pool {Pool}: block at {Place}: wrong on {Where}; {Repaired} of {Bad} parts repaired")]
    private static partial void LogRepaired(
        ILogger log, string pool, BlockPlace place, string where, int repaired, int bad);

    [LoggerMessage(Level = LogLevel.Error, Message = "pool {Pool}: {What} cannot be read ({Status})")]
    private static partial void LogLost(ILogger log, string pool, string what, IoStatus status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "pool {Pool}: {Count} more such blocks")]
    private static partial void LogWithheld(ILogger log, string pool, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "pool {Pool}: {Kind} of {What} begins")]
    private static partial void LogBegan(ILogger log, string pool, string kind, string what);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "pool {Pool}: {Kind} {State}: {Repaired} blocks repaired, {Lost} lost")]
    private static partial void LogEnded(
        ILogger log, string pool, string kind, string state, long repaired, long lost);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "pool {Pool}: {Blocks} blocks are on devices that are away; the resilver waits for them")]
    private static partial void LogIncomplete(ILogger log, string pool, long blocks);

    [LoggerMessage(Level = LogLevel.Information, Message = "pool {Pool}: {Path} is up to date")]
    private static partial void LogComplete(ILogger log, string pool, string path);
}
