using Cstor.Engine.Host;
using Cstor.Engine.Replicas;

namespace Cstor.Target.Replication;

/// <summary>
/// Makes a peer what its leader is, while the leader serves. Who missed little is sent the entries again. Who
/// missed more, or comes from another epoch with entries that nobody acknowledged, is compared: from now on
/// it gets every entry as it comes; both sides then look at their trees as they are at some instant of their
/// own, and what differs by its hash is sent as it is by then.
/// </summary>
/// <remarks>
/// Why a comparison of two moving targets is right: both trees hold at least what was before the first entry
/// that was sent. A block that is the same in both had the same contents at two instants, and all entries
/// behind the earlier of them reach the peer too, which leaves it as the leader's: entries overwrite bytes,
/// whatever was there. A block that is sent is read after all entries on it that were sent before it have
/// taken effect, and none is begun in between.
/// </remarks>
internal sealed class CatchUp(GroupMember member, LeaderPart leader, PeerProgress peer)
{
    private const long SliceBytes = 1L << 20;
    private const long SliceNanoseconds = 1_000_000;

    private readonly int _attempt = peer.Attempt;
    private readonly long _startedNanoseconds = member.Loop.NowNanoseconds;

    /// <summary>The trees are compared; else the entries suffice.</summary>
    public bool IsComparing { get; private set; }

    /// <summary>What is being compared, or was last.</summary>
    public Comparison? Comparison { get; set; }

    /// <summary>Name of the snapshot that it is made equal to at the moment, or empty.</summary>
    public string Snapshot { get; set; } = "";

    /// <summary>Bytes that were sent to make the peer equal.</summary>
    public long SentBytes { get; set; }

    /// <summary>Nodes whose children's hashes were compared.</summary>
    public long NodesCompared { get; set; }

    /// <summary>Part of the volume that is known to be the same, 0 to 1.</summary>
    public double Share => IsComparing ? Comparison?.Share ?? 0 : 1;

    /// <summary>Its peer has begun anew, or the term has ended: nothing of it counts any more.</summary>
    public bool IsOver => leader.IsStopped || peer.Attempt != _attempt;

    /// <summary>How long it has been going on.</summary>
    public long ElapsedNanoseconds => Math.Max(1, member.Loop.NowNanoseconds - _startedNanoseconds);

    /// <param name="applied">The peer holds every entry up to this one; null if it must be compared.</param>
    public async ValueTask RunAsync(ulong? applied)
    {
        if (applied is { } known)
        {
            leader.Acknowledge(peer, known);
            if (!await ReplayAsync(known)) return;
            await TellSettingsAsync();
            if (IsOver) return;
        }
        else if (!await CompareAllAsync())
        {
            return;
        }

        // Acknowledgements wait for it from here on, and all before is durable there, before it counts.
        peer.IsAwaited = true;
        if (await leader.FlushPeerAsync(peer, leader.Window.Last) && !IsOver) leader.Watch.Admit(peer);
    }

    // In slices: a window at once, and to several peers, would be much memory.
    private async ValueTask<bool> ReplayAsync(ulong known)
    {
        while (!IsOver)
        {
            if (!leader.Window.Covers(known))
            {
                leader.Watch.Drop(peer, "it misses more than is kept");
                return false;
            }

            known = SendSlice(known);
            if (known == leader.Window.Last)
            {
                peer.IsStreaming = true;
                return true;
            }

            while (member.Network.QueuedBytes(peer.Name) > SliceBytes && !IsOver)
                await member.Loop.DelayAsync(SliceNanoseconds);
        }

        return false;
    }

    private ulong SendSlice(ulong known)
    {
        long bytes = 0;
        foreach (Entry entry in leader.Window.Entries)
        {
            if (entry.Index <= known) continue;
            if (bytes > SliceBytes) break;
            leader.Send(peer, entry, entry.Index);
            known = entry.Index;
            bytes += entry.PayloadBytes;
        }

        SentBytes += bytes;
        return known;
    }

    private async ValueTask<bool> CompareAllAsync()
    {
        IsComparing = true;
        peer.FilledBytes = 0;
        SnapshotCatchUp snapshots = new(member, leader, peer, this);
        return await snapshots.BringAsync() && await CompareAsync() && await snapshots.HasAllAsync();
    }

    private async ValueTask<bool> CompareAsync()
    {
        ulong first = leader.Window.Last + 1;
        Task<Answer> asked = peer.AskAsync(
            new Frame { Kind = FrameKind.Compare, Index = first, Length = leader.SizeBytes });
        peer.IsStreaming = true;
        peer.IsSetBack = false;
        await TellSettingsAsync();
        await member.Applier!.WaitAsync(first - 1);
        IoStatus status = IoStatus.Closed;
        ContentView? view = null;
        if (!IsOver) (status, view) = await member.Replica!.ViewAsync();
        Answer compared = await asked;
        if (view is not null) Comparison = new Comparison(member, peer, this, view, FillAsync);
        bool isDone = !IsOver && status == IoStatus.Ok && await Comparison!.RunAsync(compared);
        if (view is not null) Comparison!.Close();
        if (isDone)
        {
            ulong last = leader.Window.Last;
            Answer ended = await peer.AskAsync(new Frame { Kind = FrameKind.CompareEnd, Index = last });
            isDone = ended.IsOk && !IsOver;
            if (isDone) leader.Acknowledge(peer, last);
        }

        string reason = view is null ? "the tree here cannot be read" : Comparison!.Reason;
        if (!isDone && !IsOver)
            leader.Watch.Drop(peer, $"it could not be compared: {reason} ({status}, {compared.Status})");
        return isDone;
    }

    // Changes that it missed need not be among the entries that it gets. From here on its path works.
    public async ValueTask TellSettingsAsync()
    {
        bool isTold = await leader.WaitReleasedAsync() && leader.Reservations.Reissue()
            && leader.Properties.Reissue();
        if (!isTold && !IsOver) leader.Watch.Drop(peer, "there is no memory to tell it what is reserved");
    }

    private async ValueTask<string?> FillAsync(ulong block, int count)
    {
        int blockBytes = member.Replica!.Volume.BlockSizeBytes;
        long offset = (long)block * blockBytes;
        int length = count * blockBytes;
        await leader.Throttle.TakeAsync(length);
        if (IsOver) return "it begins anew";
        BlockFill fill = new(member, leader, peer);
        IoStatus filled = await fill.RunAsync(offset, length);
        if (filled == IoStatus.Ok)
        {
            peer.FilledBytes += length;
            SentBytes += length;
            return null;
        }

        if (fill.Read == IoStatus.Ok) return $"block {block} cannot be written: {filled}";
        // Somebody else may be able to, who has what is damaged here.
        if (!leader.IsServing && !IsOver) member.StepDown($"it cannot read block {block}: {fill.Read}");
        return $"block {block} cannot be read: {fill.Read}";
    }
}
