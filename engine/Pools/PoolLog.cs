using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Pools;

/// <summary>The events of a pool that an operator wants to know.</summary>
internal static partial class PoolLog
{
    [LoggerMessage(1, LogLevel.Information,
        "pool {Pool}: imported at checkpoint {Checkpoint}, {Groups} log groups replayed")]
    public static partial void Imported(ILogger logger, string pool, ulong checkpoint, int groups);

    [LoggerMessage(2, LogLevel.Information, "pool {Pool}: created")]
    public static partial void Created(ILogger logger, string pool);

    [LoggerMessage(3, LogLevel.Critical, "pool {Pool} stopped: {Reason}")]
    public static partial void Stopped(ILogger logger, string pool, string reason);

    [LoggerMessage(4, LogLevel.Error,
        "{Volume}: block {Block} at {Place} cannot be read from any copy: {Status}")]
    public static partial void BlockLost(ILogger logger, string volume, ulong block, string place,
        IoStatus status);

    [LoggerMessage(5, LogLevel.Warning,
        "pool {Pool}: replay ends in group {Sequence}, whose data was not flushed; nothing durable is lost")]
    public static partial void ReplayEnded(ILogger logger, string pool, ulong sequence);

    [LoggerMessage(6, LogLevel.Information, "{Dataset}: destroyed, and its space given back")]
    public static partial void DatasetErased(ILogger logger, string dataset);

    [LoggerMessage(7, LogLevel.Warning,
        "pool {Pool}: went back to checkpoint {Checkpoint}, which is checkpoint {Number} now")]
    public static partial void WentBack(ILogger logger, string pool, ulong checkpoint, ulong number);

    [LoggerMessage(8, LogLevel.Error,
        "{Dataset}: {Nodes} nodes cannot be read; the space below them is not given back")]
    public static partial void ErasedInPart(ILogger logger, string dataset, int nodes);

    [LoggerMessage(9, LogLevel.Warning,
        "{Volume}: {Used} % of the pool's space is in use, and warn-at is {Limit}%")]
    public static partial void SpaceShort(ILogger logger, string volume, int used, int limit);

    [LoggerMessage(10, LogLevel.Information, "{Volume}: {Used} % of the pool's space is in use again")]
    public static partial void SpaceAgain(ILogger logger, string volume, int used);
}
