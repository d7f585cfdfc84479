using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Cstor.Daemon.Api;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Journal;

/// <summary>
/// What happened: the newest some thousand events, kept in memory and, once there is a directory for it, in
/// a file. Events come from whatever is logged, mostly on a loop, so publishing never waits: a task of its
/// own writes, and where it or a follower cannot keep up, events are dropped and the gap in the sequence
/// numbers shows it.
/// </summary>
internal sealed partial class EventLog(TimeProvider time) : IAsyncDisposable
{
    /// <summary>Events that are kept in memory.</summary>
    public const int MaximumEntries = 4096;

    private const int FileBytes = 1024 * 1024;
    private const int FollowerEntries = 1024;

    private readonly Lock _gate = new();
    private readonly Queue<EventEntry> _entries = [];
    private readonly List<Channel<EventEntry>> _followers = [];
    private readonly Channel<EventEntry> _unwritten = Channel.CreateBounded<EventEntry>(
        new BoundedChannelOptions(MaximumEntries)
        {
            FullMode = BoundedChannelFullMode.DropWrite,
            SingleReader = true,
        });

    private long _sequence;
    private Task _writing = Task.CompletedTask;
    private ILogger? _logger;

    /// <summary>
    /// Reads what an earlier run left, puts what has happened meanwhile behind it, and writes from now on.
    /// </summary>
    /// <param name="directory">Where the file is.</param>
    /// <param name="logger">Told of what cannot be kept; not a source of events itself.</param>
    public void Open(string directory, ILogger logger)
    {
        _logger = logger;
        JournalFile<EventEntry> file = new(
            Path.Combine(directory, "events.jsonl"), ReplyJson.Default.EventEntry, FileBytes);
        List<EventEntry> earlier = [];
        try
        {
            earlier = file.Load();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotRead(exception);
        }
        lock (_gate)
        {
            EventEntry[] since = [.. _entries];
            _entries.Clear();
            foreach (EventEntry entry in earlier) Keep(entry);
            // What waits to be written still has the numbers of a run that knew no other.
            while (_unwritten.Reader.TryRead(out _))
            {
            }
            foreach (EventEntry entry in since) Add(entry with { Sequence = _sequence + 1 });
        }
        _writing = WriteAllAsync(file);
    }

    /// <summary>Notes an event. From any thread; never waits.</summary>
    public void Publish(string severity, string source, string code, string pool, string text)
    {
        lock (_gate)
        {
            Add(new EventEntry(_sequence + 1, time.GetUtcNow(), severity, source, code, pool, text));
        }
    }

    /// <inheritdoc cref="IObservation.Events"/>
    public EventEntry[] List(string? pool, int last)
    {
        lock (_gate)
        {
            EventEntry[] all = [.. _entries.Where(entry => IsAbout(entry, pool))];
            return last > 0 && all.Length > last ? all[^last..] : all;
        }
    }

    /// <inheritdoc cref="IObservation.FollowAsync"/>
    public async IAsyncEnumerable<EventEntry> FollowAsync(
        string? pool, long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        Channel<EventEntry> channel = Channel.CreateBounded<EventEntry>(
            new BoundedChannelOptions(FollowerEntries) { FullMode = BoundedChannelFullMode.DropOldest });
        EventEntry[] before;
        lock (_gate)
        {
            before = [.. _entries.Where(entry => entry.Sequence > after && IsAbout(entry, pool))];
            _followers.Add(channel);
        }
        try
        {
            foreach (EventEntry entry in before) yield return entry;
            await foreach (EventEntry entry in channel.Reader.ReadAllAsync(cancel))
            {
                if (IsAbout(entry, pool)) yield return entry;
            }
        }
        finally
        {
            lock (_gate) _followers.Remove(channel);
        }
    }

    /// <summary>Followers come to their end, and what was published is written.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            foreach (Channel<EventEntry> follower in _followers) follower.Writer.TryComplete();
        }
        _unwritten.Writer.TryComplete();
        await _writing;
    }

    private static bool IsAbout(EventEntry entry, string? pool) => pool is null || entry.Pool == pool;

    private void Add(EventEntry entry)
    {
        Keep(entry);
        _unwritten.Writer.TryWrite(entry);
        foreach (Channel<EventEntry> follower in _followers) follower.Writer.TryWrite(entry);
    }

    private void Keep(EventEntry entry)
    {
        _sequence = Math.Max(_sequence, entry.Sequence);
        _entries.Enqueue(entry);
        if (_entries.Count > MaximumEntries) _entries.Dequeue();
    }

    /// <summary>Whatever has come together is made durable together.</summary>
    private async Task WriteAllAsync(JournalFile<EventEntry> file)
    {
        await Task.Yield();
        List<EventEntry> batch = [];
        while (await _unwritten.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batch.Clear();
            while (_unwritten.Reader.TryRead(out EventEntry? entry)) batch.Add(entry);
            try
            {
                file.Append(batch);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                NotWritten(exception, batch.Count);
            }
        }
        file.Dispose();
    }

    private void NotRead(Exception exception) => LogNotRead(_logger!, exception);

    private void NotWritten(Exception exception, int count) => LogNotWritten(_logger!, exception, count);

    [LoggerMessage(Level = LogLevel.Error, Message = "earlier events cannot be read")]
    private static partial void LogNotRead(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} events cannot be kept")]
    private static partial void LogNotWritten(ILogger logger, Exception exception, int count);
}
