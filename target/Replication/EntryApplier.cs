using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Brings entries into a replica. They begin in the order in which they came, so overlapping ones take effect
/// in that order, and end in any; a snapshot, or a change of the size, of reservations or properties, waits
/// for all before it, and all behind it wait for that.
/// </summary>
/// <remarks>
/// <see cref="Applied"/> is the end of the run without gaps. What was applied behind a gap is remembered, so
/// that an entry that is sent again after a broken connection is never applied a second time over a later
/// one.
/// </remarks>
internal sealed class EntryApplier(
    Replica replica, Func<ValueTask<IoStatus>> keepReservations,
    Func<byte[], ValueTask<IoStatus>> keepProperties, Action<Entry, IoStatus> completed)
{
    private const int SnapshotHeadBytes = 24;

    private readonly Queue<Entry> _queue = [];
    private readonly HashSet<ulong> _known = [];
    private readonly HashSet<ulong> _behindGap = [];
    private readonly List<(ulong Index, TaskCompletionSource Waiter)> _waiters = [];
    private readonly WaitQueue _drained = new();
    private int _underWay;
    private bool _isBarrier;
    private long _backlogBytes;

    /// <summary>Lease epoch of the entries.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>Every entry up to this one is visible.</summary>
    public ulong Applied { get; private set; }

    /// <summary>The replica is what its leader's was at <see cref="Applied"/>.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>An entry could not be applied: nothing is known of the replica any more.</summary>
    public IoStatus Failure { get; private set; }

    /// <summary>Entries that came and are not visible yet, and the bytes in them.</summary>
    public (int Entries, long Bytes) Backlog => (_queue.Count + _underWay, _backlogBytes);

    /// <summary>Begins with the entries of an epoch. Nothing is under way.</summary>
    public void Begin(ulong epoch, ulong applied, bool isWhole)
    {
        Check.That(_underWay == 0 && _queue.Count == 0);
        Epoch = epoch;
        Applied = applied;
        IsWhole = isWhole;
        Failure = IoStatus.Ok;
        _known.Clear();
        _behindGap.Clear();
        NotePosition();
    }

    /// <summary>A comparison has made the replica what its leader's is.</summary>
    public void BecomeWhole()
    {
        IsWhole = Failure == IoStatus.Ok;
        NotePosition();
    }

    /// <summary>
    /// An entry has failed, and what the replica holds of it is how the volume is from now on.
    /// </summary>
    public void Excuse(ulong index)
    {
        Failure = IoStatus.Ok;
        IsWhole = true;
        Note(index, IoStatus.Ok);
    }

    /// <summary>The entry is visible already.</summary>
    public bool IsApplied(ulong index) => index <= Applied || _behindGap.Contains(index);

    /// <summary>The entry came before, and may not be visible yet.</summary>
    public bool IsKnown(ulong index) => IsApplied(index) || _known.Contains(index);

    /// <summary>Applies an entry after those that came before; keeps its payload meanwhile.</summary>
    public void Submit(Entry entry)
    {
        entry.Payload?.Retain();
        if (entry.Index > 0) _known.Add(entry.Index);
        _backlogBytes += entry.PayloadBytes;
        _queue.Enqueue(entry);
        Pump();
    }

    /// <summary>Completes when all entries up to one are visible, or one has failed.</summary>
    public ValueTask WaitAsync(ulong index)
    {
        if (Applied >= index || Failure != IoStatus.Ok) return ValueTask.CompletedTask;
        TaskCompletionSource waiter = new();
        _waiters.Add((index, waiter));
        return new ValueTask(waiter.Task);
    }

    /// <summary>Something else is being written; see <see cref="EndAside"/>.</summary>
    public void BeginAside() => _underWay++;

    /// <summary>It has been written: a snapshot, or whoever drains, waited for that.</summary>
    public void EndAside()
    {
        _underWay--;
        Ended();
    }

    /// <summary>Completes when nothing is under way.</summary>
    public async ValueTask DrainAsync()
    {
        while (_underWay > 0 || _queue.Count > 0) await _drained.WaitAsync();
    }

    /// <summary>What the payload of a snapshot's entry says.</summary>
    public static byte[] SnapshotPayload(string name, Guid id, long createdUnixNanoseconds) =>
    [
        .. id.ToByteArray(), .. BitConverter.GetBytes(createdUnixNanoseconds),
        .. Encoding.UTF8.GetBytes(name),
    ];

    /// <summary>For people who look for what is wrong.</summary>
    public string Describe() =>
        $"applied {Epoch}.{Applied} ({(IsWhole ? "whole" : "mixed")}, {Failure}, "
            + $"{_underWay} + {_queue.Count})";

    private static bool IsBarrier(Entry entry) => entry.Kind is FrameKind.Snapshot or FrameKind.Resize
        or FrameKind.Reservations or FrameKind.Properties;

    private void Pump()
    {
        while (!_isBarrier && _queue.TryPeek(out Entry? head))
        {
            bool isBarrier = IsBarrier(head);
            if (isBarrier && _underWay > 0) return;
            _queue.Dequeue();
            _isBarrier = isBarrier;
            _underWay++;
            Run(head);
        }
    }

    private async void Run(Entry entry)
    {
        IoStatus status = await ApplyAsync(entry);
        _underWay--;
        _backlogBytes -= entry.PayloadBytes;
        if (IsBarrier(entry)) _isBarrier = false;
        Note(entry.Index, status);
        completed(entry, status);
        entry.Payload?.Release();
        Ended();
    }

    private void Ended()
    {
        Pump();
        if (_underWay == 0 && _queue.Count == 0) _drained.Release();
    }

    private ValueTask<IoStatus> ApplyAsync(Entry entry)
    {
        switch (entry.Kind)
        {
            case FrameKind.Snapshot: return SnapshotAsync(entry);
            case FrameKind.Resize: return replica.ResizeAsync(entry.Length);
            case FrameKind.Reservations: return keepReservations();
            case FrameKind.Properties: return keepProperties(entry.PayloadSpan.ToArray());
        }

        // One that a restarted replica is sent again may lie behind the end that a later one, which it holds
        // already, has given the volume; and that one is sent again too.
        bool isUnmap = entry.Kind == FrameKind.Unmap;
        long length = isUnmap ? entry.Length : entry.PayloadBytes;
        length = Math.Min(length, replica.Volume.SizeBytes - entry.Offset);
        if (length <= 0) return new ValueTask<IoStatus>(IoStatus.Ok);
        return isUnmap
            ? replica.Volume.UnmapAsync(entry.Offset, length)
            : replica.Volume.WriteAsync(entry.Offset, entry.Payload!.First((int)length), durable: false);
    }

    private ValueTask<IoStatus> SnapshotAsync(Entry entry)
    {
        // What is being made equal is no version of the volume: this snapshot is missed, not wrong.
        if (!IsWhole) return new ValueTask<IoStatus>(IoStatus.Ok);
        return SnapshotAsync(replica, entry.PayloadSpan);
    }

    /// <summary>Takes a snapshot by what an entry of it says. No write is under way.</summary>
    public static ValueTask<IoStatus> SnapshotAsync(Replica replica, ReadOnlySpan<byte> text)
    {
        if (text.Length <= SnapshotHeadBytes) return new ValueTask<IoStatus>(IoStatus.NotSupported);
        return replica.SnapshotAsync(
            Encoding.UTF8.GetString(text[SnapshotHeadBytes..]), new Guid(text[..16]),
            BitConverter.ToInt64(text[16..]));
    }

    private void Note(ulong index, IoStatus status)
    {
        if (status != IoStatus.Ok)
        {
            Failure = status;
            IsWhole = false;
        }
        else if (index > 0)
        {
            _behindGap.Add(index);
            while (_behindGap.Remove(Applied + 1)) _known.Remove(++Applied);
        }

        NotePosition();
        for (int i = _waiters.Count - 1; i >= 0; i--)
        {
            if (i >= _waiters.Count) continue;
            (ulong awaited, TaskCompletionSource waiter) = _waiters[i];
            if (Applied < awaited && Failure == IoStatus.Ok) continue;
            _waiters.RemoveAt(i);
            waiter.SetResult();
        }
    }

    private void NotePosition() =>
        replica.Position = IsWhole ? new ReplicaPosition(Epoch, Applied) : ReplicaPosition.None;
}
