using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Maintenance;

/// <summary>What changes the set of devices, one line each.</summary>
internal static partial class MaintenanceLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "pool {Pool}: {Change}")]
    public static partial void Changed(ILogger log, string pool, string change);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "pool {Pool}: spare {Spare} stands in for {Device}")]
    public static partial void StandsIn(ILogger log, string pool, string spare, string device);

    [LoggerMessage(Level = LogLevel.Warning, Message = "pool {Pool}: {Problem}")]
    public static partial void Failed(ILogger log, string pool, string problem);
}
