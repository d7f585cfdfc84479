using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Target.Replication;

/// <summary>A peer as its leader sees it.</summary>
internal sealed class PeerProgress(GroupMember member, ulong epoch, string name, uint bit)
{
    private readonly Dictionary<ulong, (TaskCompletionSource<Answer> Answer, long Since)> _questions = [];

    public string Name => name;

    /// <summary>Its bit among the acknowledgements; 0 for the witness.</summary>
    public uint Bit => bit;

    /// <summary>How long it takes to have what it is sent, or to flush.</summary>
    public Histogram Answers { get; } =
        member.Replica?.Volume.Times.AnswersOf(name) ?? new Histogram();

    /// <summary>It follows, on the connection that there is.</summary>
    public bool IsJoined { get; set; }

    /// <summary>Entries are sent to it as they come.</summary>
    public bool IsStreaming { get; set; }

    /// <summary>
    /// It is made what a snapshot was: no entries are sent to it, but it is told what is reserved and the
    /// properties, so that its path works.
    /// </summary>
    public bool IsSetBack { get; set; }

    /// <summary>Whatever is acknowledged from now on waits for it.</summary>
    public bool IsAwaited { get; set; }

    /// <summary>It holds, durably, what was flushed: it may be taken into the in-sync set.</summary>
    public bool IsReady { get; set; }

    /// <summary>It did not answer in time, or failed; null while it is trusted.</summary>
    public string? Fault { get; private set; }

    /// <summary>Why it was dropped last, or empty.</summary>
    public string LastFault { get; private set; } = "";

    /// <summary>By the leader's clock.</summary>
    public long DroppedNanoseconds { get; private set; }

    /// <summary>When it was last asked to follow.</summary>
    public long AskedNanoseconds { get; set; } = long.MinValue / 2;

    /// <summary>When the newest heartbeat that it answered was sent.</summary>
    public long AnsweredNanoseconds { get; set; } = long.MinValue / 2;

    /// <summary>Grows when what is under way with it counts no more.</summary>
    public int Attempt { get; private set; }

    /// <summary>Newest version of a configuration of this epoch that it has recorded.</summary>
    public ulong RecordedVersion { get; set; }

    /// <summary>Highest entry that it has acknowledged.</summary>
    public ulong Acknowledged { get; set; }

    /// <summary>How it is caught up, at the moment or last.</summary>
    public CatchUp? CatchUp { get; set; }

    /// <summary>Whatever it says that it holds, it is compared next time.</summary>
    public bool MustCompare { get; set; }

    /// <summary>How often in a row it had to begin anew for the sake of snapshots.</summary>
    public int SnapshotRounds { get; set; }

    /// <summary>Snapshots of the leader's that it had not when it was admitted.</summary>
    public IReadOnlySet<Guid> MissingSnapshots { get; set; } = new HashSet<Guid>();

    /// <summary>Bytes of blocks that it was sent to make it equal.</summary>
    public long FilledBytes { get; set; }

    /// <summary>Asks it to follow, anew.</summary>
    public void AskToFollow(long now)
    {
        Reset();
        AskedNanoseconds = now;
        member.Send(name, new Frame { Kind = FrameKind.Lead, Epoch = epoch, Request = (ulong)Attempt });
    }

    /// <summary>Is not waited for until it has caught up again.</summary>
    public void Drop(string reason, long now)
    {
        Reset();
        Fault = LastFault = reason;
        DroppedNanoseconds = now;
    }

    public void Forgive() => Fault = null;

    /// <summary>What was on its way to or from it is lost.</summary>
    public void Reset()
    {
        Attempt++;
        IsJoined = IsStreaming = IsSetBack = IsAwaited = IsReady = false;
        (TaskCompletionSource<Answer> Answer, long)[] open = [.. _questions.Values];
        _questions.Clear();
        foreach ((TaskCompletionSource<Answer> question, _) in open) question.SetResult(Answer.None);
    }

    /// <summary>For people who look for what is wrong.</summary>
    public string Describe(long now) =>
        $"{name} (joined {IsJoined}, streaming {IsStreaming}, ready {IsReady}, heard "
        + $"{(now - AnsweredNanoseconds) / 1_000_000} ms ago, {_questions.Count} questions, {Fault})";

    public Task<Answer> AskAsync(Frame frame, ReadOnlySpan<byte> payload = default)
    {
        TaskCompletionSource<Answer> question = new();
        frame.Epoch = epoch;
        frame.Request = member.NextRequest();
        _questions.Add(frame.Request, (question, member.Loop.NowNanoseconds));
        member.Send(name, frame, payload);
        return question.Task;
    }

    public void OnAnswer(in Frame frame, byte[] payload)
    {
        if (!_questions.Remove(frame.Request, out (TaskCompletionSource<Answer> Answer, long) question))
            return;
        question.Answer.SetResult(new Answer((IoStatus)frame.Status, frame, payload));
    }

    /// <summary>A question has been open since then, or longer.</summary>
    public bool OwesAnswerSince(long nanoseconds)
    {
        foreach ((_, long since) in _questions.Values)
            if (since <= nanoseconds)
                return true;
        return false;
    }
}
