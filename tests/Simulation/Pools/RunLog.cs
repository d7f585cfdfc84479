using Microsoft.Extensions.Logging;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>What the pool said during a run, for the message of its failure.</summary>
internal sealed class RunLog : ILoggerFactory, ILogger
{
    private const int Kept = 60;

    private readonly Queue<string> _lines = new();

    /// <summary>A line of the test's own.</summary>
    public void Note(string line)
    {
        _lines.Enqueue(line);
        if (_lines.Count > Kept) _lines.Dequeue();
    }

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) => Note(formatter(state, exception));

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public override string ToString() => string.Join('\n', _lines);
}
