using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Configuration;

/// <summary>How important a message must be to be logged; changed while messages are written.</summary>
internal sealed class LogThreshold(LogLevel level)
{
    private const string Framework = "Microsoft";

    private volatile int _level = (int)level;

    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    /// <summary>Of the framework, warnings and worse are of interest.</summary>
    public bool Admits(string? category, LogLevel level)
    {
        bool isFramework = category?.StartsWith(Framework, StringComparison.Ordinal) == true;
        return level >= Level && (!isFramework || level >= LogLevel.Warning);
    }
}
