using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Journal;

/// <summary>
/// Who did what to the pools of this daemon, and when: kept in the state directory, the newest some thousand
/// acts. It is of the host, not of the pool: a pool that moves leaves its history behind, as the users named
/// in it do. Called from any thread.
/// </summary>
internal sealed partial class History : IDisposable
{
    /// <summary>Acts that are kept in memory.</summary>
    public const int MaximumEntries = 4096;

    private const int FileBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<HistoryEntry> _entries = [];
    private readonly JournalFile<HistoryEntry> _file;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private long _sequence;

    /// <param name="directory">Where the file is.</param>
    /// <param name="time">For the entries.</param>
    /// <param name="logger">Told of what cannot be kept.</param>
    public History(string directory, TimeProvider time, ILogger logger)
    {
        _time = time;
        _logger = logger;
        _file = new JournalFile<HistoryEntry>(
            Path.Combine(directory, "history.jsonl"), ReplyJson.Default.HistoryEntry, FileBytes);
        try
        {
            foreach (HistoryEntry entry in _file.Load()) Keep(entry);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotRead(exception);
        }
    }

    public void Record(ActDescription act, Outcome<ActionReport> outcome)
    {
        lock (_gate)
        {
            HistoryEntry entry = new(
                _sequence + 1,
                _time.GetUtcNow(),
                act.By,
                act.Pool,
                act.Command,
                outcome.IsOk ? HistoryEntry.Done : outcome.Fault.Code,
                outcome.IsOk ? outcome.Value.Lines : [outcome.Fault.Message]);
            Keep(entry);
            try
            {
                _file.Append([entry]);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                NotWritten(exception, act.Command);
            }
        }
    }

    /// <inheritdoc cref="IObservation.History"/>
    public HistoryEntry[] List(string? pool, int last)
    {
        lock (_gate)
        {
            HistoryEntry[] all = [.. _entries.Where(entry => pool is null || entry.Pool == pool)];
            return last > 0 && all.Length > last ? all[^last..] : all;
        }
    }

    public void Dispose()
    {
        lock (_gate) _file.Dispose();
    }

    private void Keep(HistoryEntry entry)
    {
        _sequence = Math.Max(_sequence, entry.Sequence);
        _entries.Enqueue(entry);
        if (_entries.Count > MaximumEntries) _entries.Dequeue();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the history cannot be read; it begins anew")]
    private partial void NotRead(Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "'{Command}' cannot be noted in the history")]
    private partial void NotWritten(Exception exception, string command);
}
