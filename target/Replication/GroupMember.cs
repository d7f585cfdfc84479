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
    private const long RepeatNanoseconds = 5_000_000;

    private readonly Func<string, ValueTask<IoStatus>> _save;
    private readonly ILoopTimer _timer;
    private readonly string _text;
    private readonly GroupConfiguration _first;
    private readonly Election _election;
    private long _heardNanoseconds;
    private long _nextElectionNanoseconds;
    private ulong _lastRequest;
    private ulong _saves;
    private bool _isYielding;
    private (ulong Save, GroupRecord Record) _durable;

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
        _first = record.Configuration;
        _durable = (0, record);
        _save = save;
        Replica = replica;
        _text = replica?.Volume.Name ?? record.Group.ToString();
        Follower = new FollowerPart(this);
        _election = new Election(this);
        Relay = new Relay(this);
        Mender = new Mender(this);
        Reservations = new GroupReservations(this);
        Properties = new GroupProperties(this);
        Applier = replica is null ? null : new EntryApplier(
            replica, Reservations.KeepAsync, Properties.ApplyAsync, OnApplied);
        _timer = loop.CreateTimer(OnTick);
    }

    /// <summary>What is durable, or about to be.</summary>
    public GroupRecord Record { get; private set; }

    /// <summary>Of this node.</summary>
    public string NodeName => Network.Name;

    /// <summary>This node leads and serves.</summary>
    public bool IsServing => Leader is { IsServing: true };

    /// <summary>It leads, and nobody else can; or it has heard of who leads just now.</summary>
    public bool IsInTouch => Leader is { } leader
        ? leader.IsServing && leader.HasLease
        : Follower.LeaderName.Length > 0 && Network.IsUp(Follower.LeaderName)
            && Loop.NowNanoseconds - _heardNanoseconds < Timings.LeaseNanoseconds;

    /// <summary>Node that leads as far as this one knows, or empty.</summary>
    public string LeaderName => Leader is not null ? Network.Name : Follower.LeaderName;

    /// <summary>The replica holds all that it ever acknowledged.</summary>
    public bool IsClean { get; internal set; }

    /// <summary>
    /// The group has taken this node out: it takes no part any more, and its replica may be destroyed. False
    /// again only if a leader takes it in anew.
    /// </summary>
    public bool IsRemoved { get; internal set; }

    /// <summary>
    /// What replicas that are caught up may be sent together while this node leads, 0 for all that goes. One
    /// block at a time is sent to each, so there is always room for others.
    /// </summary>
    public long CatchUpBytesPerSecond { get; set; }

    /// <summary>Whether a property is of the volume and not of each replica by itself.</summary>
    public Func<string, bool> IsShared { get; init; } = static _ => false;

    /// <summary>Told when the leader has changed some of those.</summary>
    public Action PropertiesChanged { get; set; } = static () => { };

    internal static Fault NotLeading { get; } =
        new("not-leader", "this node does not lead the volume", "Ask the one that does: cstor volume status");

    internal PlantedFault PlantedFault { get; init; }

    /// <summary>It keeps no promise any more, and says nothing.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>It could begin a term, if it were elected.</summary>
    internal bool MayLead => Leader is null && Applier is not null && !IsClosed && !_isYielding;

    internal ILoop Loop { get; }

    internal ILogger Logger { get; }

    internal PeerNetwork Network { get; }

    internal ReplicationTimings Timings => Network.Timings;

    /// <summary>Of the group, the same on all nodes.</summary>
    public Guid Id => Record.Group;

    internal string Name => _text;

    /// <summary>Of the volume, as it is served.</summary>
    internal long SizeBytes => Leader is null ? Follower.SizeBytes : Replica!.Volume.SizeBytes;

    /// <summary>Nobody else can have changed that without this node having heard of it just now.</summary>
    internal bool IsSizeKnown => IsInTouch && (Leader is not null || Follower.IsToldSize);

    internal Replica? Replica { get; }

    internal EntryApplier? Applier { get; }

    internal FollowerPart Follower { get; }

    internal Relay Relay { get; }

    internal Mender Mender { get; }

    internal GroupReservations Reservations { get; }

    internal GroupProperties Properties { get; }

    internal LeaderPart? Leader { get; private set; }

    /// <summary>For people who look for what is wrong.</summary>
    internal string Describe() =>
        $"record {Record}, {(IsClean ? "clean" : "unclean")}, leader {LeaderName}, {Applier?.Describe()}"
            + (Leader is null ? "" : "; " + Leader.Describe());

    internal ulong NextRequest() => ++_lastRequest;

    /// <summary>Waits before a request without a leader is tried again; false if it is too late.</summary>
    internal async ValueTask<bool> MayRepeatAsync(long begunNanoseconds)
    {
        if (Loop.NowNanoseconds - begunNanoseconds > Timings.HoldNanoseconds) return false;
        await Loop.DelayAsync(RepeatNanoseconds);
        return true;
    }

    /// <summary>Takes part from now on.</summary>
    public async ValueTask<IoStatus> StartAsync()
    {
        IsClean = !Record.IsOpen;
        IsRemoved = !Record.Configuration.Has(Network.Name);
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

    /// <summary>
    /// Takes a replica into the group. It has no vote until it has caught up, which goes on behind.
    /// </summary>
    /// <returns>Null when it belongs to the group, else why it does not; only the leader can do it.</returns>
    public async ValueTask<Fault?> AddReplicaAsync(ReplicaPlace place) => Leader is { } leader
        ? await leader.ChangeAsync(MembershipChange.Adding(place))
        : NotLeading;

    /// <summary>Takes a replica out of the group, whether its node lives or not.</summary>
    /// <returns>Null when it belongs to the group no more, else why it still does.</returns>
    public async ValueTask<Fault?> RemoveReplicaAsync(string node) => Leader is { } leader
        ? await leader.ChangeAsync(MembershipChange.Removing(node, Network.Name))
        : NotLeading;

    /// <summary>Takes a witness in, or the one that there is out.</summary>
    /// <param name="node">Which; empty for none.</param>
    /// <returns>Null when it votes, or does no more; else why that is not so.</returns>
    public async ValueTask<Fault?> SetWitnessAsync(string node) => Leader is { } leader
        ? await leader.ChangeAsync(MembershipChange.Witness(node))
        : NotLeading;

    /// <summary>
    /// Has another node lead, whose replica is in sync. Requests wait meanwhile, and then end as on any node
    /// that does not lead.
    /// </summary>
    /// <returns>Null when the other leads, else why it does not.</returns>
    public async ValueTask<Fault?> HandOverAsync(string node)
    {
        if (Leader is not { } leader) return NotLeading;
        return node == Network.Name
            ? null
            : await new HandOver(this, leader, node).RunAsync(Timings.HandOverNanoseconds);
    }

    /// <summary>
    /// Has a replica compared block by block with this one, whatever it says that it holds, and mended. It
    /// does not count meanwhile.
    /// </summary>
    /// <returns>Null when that has begun, else why it has not; only the leader can do it.</returns>
    public Fault? Recompare(string node)
    {
        if (Leader is not { } leader) return NotLeading;
        if (leader.Peers.FirstOrDefault(peer => peer.Name == node && peer.Bit != 0) is not { } peer)
            return new Fault("replica-unknown", $"no replica that follows is on {node}");
        peer.MustCompare = true;
        leader.Watch.Drop(peer, "it is to be compared");
        return null;
    }

    /// <summary>Who leads and how each replica is, as far as this node knows.</summary>
    public GroupStatus Status() => GroupStatus.Of(this);

    /// <summary>
    /// Leads no more: whoever can takes over, and if nobody can, requests that wait here end soon. What comes
    /// to this node from now on is handed on. To be called before its initiators are turned away, whose
    /// requests would wait for a quorum as long as there is none.
    /// </summary>
    public async ValueTask YieldAsync()
    {
        if (_isYielding)
        {
            // Somebody else began it.
            while (Leader is not null) await Loop.DelayAsync(Timings.HeartbeatNanoseconds / 10);
            return;
        }

        _isYielding = true;
        if (Leader is { IsServing: true } leader && leader.Peers.FirstOrDefault(leader.HoldsAll) is { } next)
            await new HandOver(this, leader, next.Name).RunAsync(Timings.ClosingNanoseconds);
        StepDown("it is being stopped");
    }

    /// <summary>
    /// Leaves in good order: nobody waits for this replica any more, what it holds is durable, and it says
    /// so.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        await YieldAsync();
        if (Follower.LeaderName.Length > 0)
            Send(Follower.LeaderName, new Frame { Kind = FrameKind.Leave, Epoch = Follower.Epoch });
        IsClosed = true;
        _timer.Stop();
        Network.Leave(Id);
        Follower.Close();
        if (Applier is null) return;
        await Applier.DrainAsync();
        bool isFlushed = await Replica!.FlushAsync() == IoStatus.Ok;
        if (isFlushed && IsClean && Applier.Failure == IoStatus.Ok)
            await PersistAsync(Record with { IsOpen = false });
    }

    void IFrameHandler.OnPeerChanged(string peer, bool isUp)
    {
        if (!isUp) Relay.OnPeerLost(peer);
        Leader?.OnPeerChanged(peer, isUp);
    }

    void IFrameHandler.OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        if (IsClosed) return;
        switch (frame.Kind)
        {
            case FrameKind.Canvass:
            case FrameKind.Promise:
                Forward(VoteAsync(peer, frame));
                break;
            case FrameKind.Vote:
                _election.OnVote(peer, frame, payload);
                break;
            case FrameKind.Relay or FrameKind.Relayed:
                if (Replica is not null) Relay.OnFrame(peer, frame, payload);
                break;
            case FrameKind.Refused:
                if (Leader is not null && frame.Index > Leader.Epoch) StepDown($"{peer} promised another");
                break;
            case FrameKind.Joined or FrameKind.HeartbeatAnswer or FrameKind.Configured or FrameKind.Applied
                or FrameKind.Flushed or FrameKind.Compared or FrameKind.HashesAnswer or FrameKind.Filled
                or FrameKind.CompareEnded or FrameKind.Fetched or FrameKind.Leave
                or FrameKind.Mend or FrameKind.SnapshotsAnswer or FrameKind.SnapshotTaken:
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
        _nextElectionNanoseconds = _heardNanoseconds + Timings.QuietNanoseconds
            + RandomBelow(2 * Timings.VoteNanoseconds);
    }

    /// <summary>Changes what must not be forgotten; completes when it is durable.</summary>
    internal async ValueTask<IoStatus> PersistAsync(GroupRecord record)
    {
        Record = record;
        ulong save = ++_saves;
        IoStatus status = await _save(record.ToString());
        if (status == IoStatus.Ok && save > _durable.Save) _durable = (save, record);
        // It cannot keep its word: it says no more.
        if (status != IoStatus.Ok)
        {
            IsClosed = true;
            StepDown($"its record cannot be kept ({status})");
        }

        return IsClosed && status == IoStatus.Ok && record.IsOpen ? IoStatus.Closed : status;
    }

    /// <summary>Votes that decide on a configuration.</summary>
    internal int QuorumOf(GroupConfiguration configuration) => PlantedFault switch
    {
        PlantedFault.QuorumOfOne => 1,
        PlantedFault.OldVoters => Math.Min(_first.Quorum, configuration.Quorum),
        _ => configuration.Quorum,
    };

    /// <summary>Replicas that must hold a change.</summary>
    internal int CopiesOf(GroupConfiguration configuration) => PlantedFault == PlantedFault.OldVoters
        ? Math.Min(_first.MinimumCopies, configuration.MinimumCopies)
        : configuration.MinimumCopies;

    /// <summary>No leader has been heard for so long that none can have a lease.</summary>
    internal bool IsQuiet => PlantedFault == PlantedFault.NoFencing
        || (Loop.NowNanoseconds - _heardNanoseconds >= Timings.QuietNanoseconds
            && Leader is not { HasLease: true });

    /// <summary>The leader has ended its term in favour of this node.</summary>
    internal void TakeOver(string leader, ReplicaPosition end)
    {
        ReplicationLog.TakesOver(Logger, Name, leader, end.Index);
        if (MayLead && !IsRemoved) Forward(ElectAsync(end));
    }

    internal void Lead(ulong epoch, GroupConfiguration configuration, ReplicaPosition handedOver)
    {
        ReplicationLog.Leads(Logger, Name, epoch);
        Follower.BecomeLeader();
        Leader = new LeaderPart(this, epoch, configuration, handedOver);
        Forward(Leader.StartAsync());
    }

    /// <summary>A configuration without this node is in force.</summary>
    internal async ValueTask BecomeRemovedAsync(GroupConfiguration configuration)
    {
        if (IsRemoved || !configuration.IsNewerThan(Record.Configuration)) return;
        IsRemoved = true;
        ReplicationLog.Removed(Logger, Name);
        StepDown("it belongs to the group no more");
        Follower.Forget();
        await PersistAsync(Record with { Configuration = configuration });
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
        if (IsClosed) return;
        _timer.Start(Timings.HeartbeatNanoseconds);
        Mender.OnTick();
        bool isDue = Loop.NowNanoseconds > _nextElectionNanoseconds;
        if (isDue && !_election.IsUnderWay && MayLead && !IsRemoved
            && Applier is { Failure: IoStatus.Ok })
            Forward(ElectAsync(ReplicaPosition.None));
    }

    private async ValueTask VoteAsync(string peer, Frame frame)
    {
        // A leader whose term was the last that counts here has ended it: there is no lease to wait for.
        bool isAgreed = frame.Kind == FrameKind.Promise && frame.Index > 0 && frame.Index == Record.Promised
            && Leader is null;
        bool isGiven = frame.Epoch > Record.Promised && (IsQuiet || isAgreed) && !IsRemoved;
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
        Send(peer, vote, Encoding.UTF8.GetBytes(_durable.Record.Configuration.ToString()));
    }

    private long RandomBelow(long bound)
    {
        Span<byte> random = stackalloc byte[2];
        Loop.FillRandom(random);
        return bound * BinaryPrimitives.ReadUInt16LittleEndian(random) / ushort.MaxValue;
    }

    private async ValueTask ElectAsync(ReplicaPosition consent)
    {
        await _election.RunAsync(consent);
        // A failed candidate tries again soon, but not at once, nor always when another one does.
        _nextElectionNanoseconds = Loop.NowNanoseconds + RandomBelow(2 * Timings.VoteNanoseconds);
    }

    private static async void Forward(ValueTask work) => await work;
}
