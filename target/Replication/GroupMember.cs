using System.Buffers.Binary;
using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Microsoft.Extensions.Logging;

namespace Cstor.Target.Replication;

/// <summary>
/// One node's part in a group of replicas: it votes, follows a leader or is one. Without a replica it is a
/// witness, which only votes. The design, and why it is safe, is in docs/replication.md.
/// </summary>
/// <remarks>
/// What is promised and which configuration is recorded is durable before it is said. Whoever has heard a
/// leader, or has just started and may have heard one before, promises nothing for a while: that is the
/// leader's lease. Only a replica of the newest configuration's in-sync set may lead, and one that restarted
/// without its unflushed writes only if none of that set has kept them.
/// </remarks>
public sealed class GroupMember : IFrameHandler
{
    private readonly Func<string, ValueTask<IoStatus>> _save;
    private readonly ILoopTimer _timer;
    private readonly string _text;
    private VoteRound? _round;
    private long _heardNanoseconds;
    private long _jitterNanoseconds;
    private ulong _lastRequest;
    private bool _isElecting;
    private bool _isClosed;

    /// <param name="loop">Everything of the group on this node lives there.</param>
    /// <param name="logger">Told of leaders and of changes of the in-sync set.</param>
    /// <param name="network">The peers.</param>
    /// <param name="record">What <paramref name="save"/> kept last.</param>
    /// <param name="save">Makes the record durable.</param>
    /// <param name="replica">Null for the witness.</param>
    public GroupMember(
        ILoop loop, ILogger logger, PeerNetwork network, GroupRecord record,
        Func<string, ValueTask<IoStatus>> save, Replica? replica)
    {
        Loop = loop;
        Logger = logger;
        Network = network;
        Record = record;
        _save = save;
        Replica = replica;
        _text = replica?.Volume.Name ?? record.Group.ToString();
        Follower = new FollowerPart(this);
        Applier = replica is null ? null : new EntryApplier(replica, OnApplied);
        _timer = loop.CreateTimer(OnTick);
    }

    /// <summary>What is durable, or about to be.</summary>
    public GroupRecord Record { get; private set; }

    /// <summary>This node leads and serves.</summary>
    public bool IsServing => Leader is { IsServing: true };

    /// <summary>Node that leads as far as this one knows, or empty.</summary>
    public string LeaderName => Leader is not null ? Network.Name : Follower.LeaderName;

    /// <summary>The replica holds all that it ever acknowledged.</summary>
    public bool IsClean { get; internal set; }

    internal PlantedFault PlantedFault { get; init; }

    internal ILoop Loop { get; }

    internal ILogger Logger { get; }

    internal PeerNetwork Network { get; }

    internal ReplicationTimings Timings => Network.Timings;

    /// <summary>Of the group, the same on all nodes.</summary>
    public Guid Id => Record.Group;

    internal string Name => _text;

    internal Replica? Replica { get; }

    internal EntryApplier? Applier { get; }

    internal FollowerPart Follower { get; }

    internal LeaderPart? Leader { get; private set; }

    /// <summary>For people who look for what is wrong.</summary>
    internal string Describe() =>
        $"record {Record}, {(IsClean ? "clean" : "unclean")}, leader {LeaderName}, {Applier?.Describe()}"
            + (Leader is null ? "" : "; " + Leader.Describe());

    internal ulong NextRequest() => ++_lastRequest;

    /// <summary>Takes part from now on.</summary>
    public async ValueTask<IoStatus> StartAsync()
    {
        IsClean = !Record.IsOpen;
        IoStatus status = await PersistAsync(Record with { IsOpen = true });
        if (status != IoStatus.Ok) return status;
        if (Applier is not null)
        {
            ReplicaPosition position = Replica!.Position;
            Applier.Begin(position.Epoch, position.Index, position.Epoch > 0);
        }

        // It may have heard a leader until a moment ago.
        HeardLeader();
        Network.Join(Id, this);
        _timer.Start(Timings.HeartbeatNanoseconds);
        return IoStatus.Ok;
    }

    /// <summary>Leaves in good order: what this replica holds is durable, and it says so.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        _timer.Stop();
        Network.Leave(Id);
        StepDown("it is being stopped");
        Follower.Close();
        if (Applier is null) return;
        await Applier.DrainAsync();
        bool isFlushed = await Replica!.FlushAsync() == IoStatus.Ok;
        if (isFlushed && IsClean && Applier.Failure == IoStatus.Ok)
            await PersistAsync(Record with { IsOpen = false });
    }

    void IFrameHandler.OnPeerChanged(string peer, bool isUp) => Leader?.OnPeerChanged(peer, isUp);

    void IFrameHandler.OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        if (_isClosed) return;
        switch (frame.Kind)
        {
            case FrameKind.Canvass:
            case FrameKind.Promise:
                Forward(VoteAsync(peer, frame));
                break;
            case FrameKind.Vote:
                OnVote(peer, frame, payload);
                break;
            case FrameKind.Refused:
                if (Leader is not null && frame.Index > Leader.Epoch) StepDown($"{peer} promised another");
                break;
            case FrameKind.Joined or FrameKind.HeartbeatAnswer or FrameKind.Configured or FrameKind.Applied
                or FrameKind.Flushed or FrameKind.Compared or FrameKind.HashesAnswer or FrameKind.Filled
                or FrameKind.CompareEnded or FrameKind.Fetched:
                if (Leader is not null && frame.Epoch == Leader.Epoch) Leader.OnFrame(peer, frame, payload);
                break;
            default:
                if (frame.Epoch >= Record.Promised || PlantedFault == PlantedFault.NoFencing)
                    Follower.OnFrame(peer, frame, payload);
                else Send(peer, new Frame { Kind = FrameKind.Refused, Index = Record.Promised });
                break;
        }
    }

    internal void Send(string peer, Frame frame, ReadOnlySpan<byte> payload = default)
    {
        frame.Group = Id;
        Network.Send(peer, frame, payload);
    }

    /// <summary>A leader is there: nobody else is promised anything for a while.</summary>
    internal void HeardLeader()
    {
        _heardNanoseconds = Loop.NowNanoseconds;
        Span<byte> random = stackalloc byte[2];
        Loop.FillRandom(random);
        long share = BinaryPrimitives.ReadUInt16LittleEndian(random);
        _jitterNanoseconds = Timings.VoteNanoseconds * 2 * share / ushort.MaxValue;
    }

    /// <summary>Changes what must not be forgotten; completes when it is durable.</summary>
    internal async ValueTask<IoStatus> PersistAsync(GroupRecord record)
    {
        Record = record;
        IoStatus status = await _save(record.ToString());
        // It cannot keep its word: it says no more.
        if (status != IoStatus.Ok)
        {
            _isClosed = true;
            StepDown($"its record cannot be kept ({status})");
        }

        return _isClosed && status == IoStatus.Ok && record.IsOpen ? IoStatus.Closed : status;
    }

    internal void StepDown(string reason)
    {
        if (Leader is not { } leader) return;
        Leader = null;
        ReplicationLog.SteppedDown(Logger, Name, reason);
        HeardLeader();
        leader.Stop();
    }

    private void OnApplied(Entry entry, IoStatus status)
    {
        bool isAlone = Record.Configuration.InSync.Count == 1;
        if (status != IoStatus.Ok && !isAlone) IsClean = false;
        if (Leader is not null && Leader.Owns(entry)) Leader.OnApplied(entry, status);
        else Follower.OnApplied(entry, status);
    }

    private void OnTick()
    {
        if (_isClosed) return;
        _timer.Start(Timings.HeartbeatNanoseconds);
        long quiet = Loop.NowNanoseconds - _heardNanoseconds;
        bool isDue = quiet > Timings.QuietNanoseconds + _jitterNanoseconds;
        if (isDue && !_isElecting && Leader is null && Applier is { Failure: IoStatus.Ok }
            && Record.Configuration.InSync.Contains(Network.Name))
            Forward(ElectAsync());
    }

    private bool IsQuiet => PlantedFault == PlantedFault.NoFencing
        || (Loop.NowNanoseconds - _heardNanoseconds >= Timings.QuietNanoseconds
            && Leader is not { HasLease: true });

    private async ValueTask VoteAsync(string peer, Frame frame)
    {
        bool isGiven = frame.Epoch > Record.Promised && IsQuiet;
        if (isGiven && frame.Kind == FrameKind.Promise)
        {
            StepDown($"{peer} asks to lead");
            Follower.Forget();
            HeardLeader();
            if (await PersistAsync(Record with { Promised = frame.Epoch }) != IoStatus.Ok) return;
            isGiven = Record.Promised == frame.Epoch;
        }

        ReplicaPosition position = Replica?.Position ?? ReplicaPosition.None;
        Frame vote = new()
        {
            Kind = FrameKind.Vote,
            Status = isGiven ? (byte)1 : (byte)0,
            Level = IsClean ? 1 : 0,
            Index = Record.Promised,
            Offset = (long)position.Epoch,
            Length = (long)position.Index,
            Request = frame.Request,
        };
        Send(peer, vote, Encoding.UTF8.GetBytes(Record.Configuration.ToString()));
    }

    private void OnVote(string peer, in Frame frame, IoSlice payload)
    {
        if (_round is null || frame.Request != _round.Request
            || !Record.Configuration.Voters.Contains(peer)
            || GroupConfiguration.Parse(Encoding.UTF8.GetString(payload.Span)) is not { } configuration)
            return;
        ReplicaPosition position = new((ulong)frame.Offset, (ulong)frame.Length);
        _round.Add(new Vote(
            peer, frame.Status == 1, frame.Index, frame.Level == 1, position, configuration));
    }

    private async ValueTask ElectAsync()
    {
        _isElecting = true;
        // Nobody is disturbed by a candidate that would not win.
        VoteRound canvass = await AskAsync(FrameKind.Canvass, Record.Promised + 1);
        ulong epoch = Math.Max(
            Record.Promised, canvass.Votes.Select(static vote => vote.Promised).DefaultIfEmpty().Max()) + 1;
        if (!_isClosed && IsQuiet && HasQuorum(canvass) && MayLead(canvass)
            && await PersistAsync(Record with { Promised = epoch }) == IoStatus.Ok)
        {
            VoteRound promises = await AskAsync(FrameKind.Promise, epoch);
            bool isElected = !_isClosed && Record.Promised == epoch && HasQuorum(promises)
                && MayLead(promises);
            GroupConfiguration newest = NewestOf(promises);
            if (isElected && newest.IsNewerThan(Record.Configuration))
                isElected = await PersistAsync(Record with { Configuration = newest }) == IoStatus.Ok
                    && Record.Promised == epoch;
            if (isElected && Leader is null) Lead(epoch, newest);
        }

        HeardLeaderUnlessLeading();
        _isElecting = false;
    }

    private void HeardLeaderUnlessLeading()
    {
        // A failed candidate tries again soon, but not at once.
        long last = _heardNanoseconds;
        HeardLeader();
        if (Leader is null) _heardNanoseconds = last;
    }

    private void Lead(ulong epoch, GroupConfiguration configuration)
    {
        ReplicationLog.Leads(Logger, Name, epoch);
        Follower.Forget();
        Leader = new LeaderPart(this, epoch, configuration);
        Forward(Leader.StartAsync());
    }

    private async ValueTask<VoteRound> AskAsync(FrameKind kind, ulong epoch)
    {
        string[] others = [.. Record.Configuration.Voters.Where(voter => voter != Network.Name)];
        _round?.End();
        VoteRound round = _round = new(Loop, NextRequest(), others.Length, Timings.VoteNanoseconds);
        foreach (string other in others)
            Send(other, new Frame { Kind = kind, Epoch = epoch, Request = round.Request });
        await round.Ended;
        return round;
    }

    private bool HasQuorum(VoteRound round) =>
        round.Votes.Count(static vote => vote.IsGiven) + 1
            >= (PlantedFault == PlantedFault.QuorumOfOne ? 1 : Record.Configuration.Quorum);

    private GroupConfiguration NewestOf(VoteRound round)
    {
        GroupConfiguration newest = Record.Configuration;
        foreach (Vote vote in round.Votes)
            if (vote.Configuration.IsNewerThan(newest))
                newest = vote.Configuration;
        return newest;
    }

    // In sync by the newest configuration that a quorum knows; and if unflushed writes were lost here, nobody
    // else has kept them, and nobody has flushed more.
    private bool MayLead(VoteRound round)
    {
        GroupConfiguration newest = NewestOf(round);
        if (Applier is not { Failure: IoStatus.Ok } || !newest.InSync.Contains(Network.Name)) return false;
        if (IsClean) return true;
        int asked = round.Votes.Count(
            vote => newest.InSync.Contains(vote.Voter) && !vote.IsClean
                && vote.Position <= Replica!.Position);
        return asked == newest.InSync.Count - 1;
    }

    private static async void Forward(ValueTask work) => await work;
}
