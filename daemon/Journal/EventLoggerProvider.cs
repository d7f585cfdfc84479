using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Daemon.Journal;

/// <summary>
/// Makes events of what the daemon logs: there is one line for every event that matters, so there is one
/// place that says it. What the services say about acts is left out, for the history has them; and so is what
/// is said about requests.
/// </summary>
internal sealed class EventLoggerProvider(EventLog events) : ILoggerProvider
{
    /// <summary>Category of the journal itself.</summary>
    public const string JournalCategory = "cstor.journal";

    private const string ActKey = "What";

    public ILogger CreateLogger(string categoryName)
    {
        bool isOurs = categoryName.StartsWith("cstor.", StringComparison.OrdinalIgnoreCase)
            && categoryName is not ("cstor.api" or JournalCategory);
        return isOurs ? new EventLogger(events, SourceOf(categoryName)) : NullLogger.Instance;
    }

    public void Dispose()
    {
    }

    /// <summary><c>cstor.targets</c> is <c>targets</c>; a type stands for its folder.</summary>
    private static string SourceOf(string category)
    {
        string[] parts = category.Split('.');
        return (parts.Length > 2 ? parts[^2] : parts[^1]).ToLowerInvariant();
    }

    private sealed class EventLogger(EventLog events, string source) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            string pool = "";
            if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
            {
                if (values.Count > 0 && values[0].Key == ActKey && logLevel == LogLevel.Information) return;
                pool = EventSubject.PoolOf(values);
            }
            string text = formatter(state, exception);
            if (exception is not null) text = $"{text}: {exception.Message}";
            events.Publish(SeverityOf(logLevel), source, CodeOf(eventId.Name), pool, text);
        }

        private static string SeverityOf(LogLevel level) => level switch
        {
            LogLevel.Critical => "critical",
            LogLevel.Error => "error",
            LogLevel.Warning => "warning",
            _ => "info",
        };

        /// <summary><c>LogStandsIn</c> is <c>stands-in</c>.</summary>
        private static string CodeOf(string? name)
        {
            if (string.IsNullOrEmpty(name)) return "";
            string word = name.StartsWith("Log", StringComparison.Ordinal) && name.Length > 3
                ? name[3..]
                : name;
            StringBuilder code = new();
            foreach (char c in word)
            {
                if (char.IsUpper(c) && code.Length > 0) code.Append('-');
                code.Append(char.ToLowerInvariant(c));
            }
            return code.ToString();
        }
    }
}
