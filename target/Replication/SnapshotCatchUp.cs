using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.Engine.Versions;

namespace Cstor.Target.Replication;

/// <summary>
/// Gives a peer the snapshots that it missed, before it is made what its leader is now: it is made what the
/// oldest of them was and takes it, then the next one. Between two of them only what differs is sent.
/// </summary>
/// <remarks>
/// Meanwhile it holds less than it may have acknowledged. So this is done only for a peer that the
/// configuration in force leaves out of the in-sync set: nobody counts on it, and it cannot lead. No
/// entries are sent to it so long, but it is told what is reserved and the properties. Those behind the
/// newest snapshot that both have can be made; one between two that the peer has cannot, and the status
/// names it.
/// </remarks>
internal sealed class SnapshotCatchUp(
    GroupMember member, LeaderPart leader, PeerProgress peer, CatchUp catchUp)
{
    // More come all the time, or one of them cannot be made: it is caught up without.
    private const int MostRounds = 4;

    private string _reason = "";

    private bool IsAllowed => leader.IsServing && peer.SnapshotRounds < MostRounds
        && !leader.Configuration.InSync.Contains(peer.Name);

    /// <summary>Makes those that it lacks.</summary>
    /// <returns>False if it has to begin anew.</returns>
    public async ValueTask<bool> BringAsync()
    {
        // A configuration that is proposed, and takes it for in sync, could still come into force.
        while (leader.IsServing && !leader.IsSettled && !catchUp.IsOver) await leader.WokenAsync();
        if (!IsAllowed) return !catchUp.IsOver;
        List<Snapshot> missing = await FindMissingAsync(applied: 0);
        if (missing.Count > 0 && !catchUp.IsOver)
        {
            peer.IsSetBack = true;
            await catchUp.TellSettingsAsync();
        }

        bool isDone = true;
        foreach (Snapshot snapshot in missing)
        {
            if (catchUp.IsOver || !isDone) break;
            // It may have been destroyed meanwhile.
            if (!member.Replica!.Snapshots.Contains(snapshot)) continue;
            catchUp.Snapshot = snapshot.ShortName;
            isDone = await BringAsync(snapshot);
            if (isDone) ReplicationLog.Brought(member.Logger, member.Name, peer.Name, snapshot.ShortName);
        }

        if (!isDone && !catchUp.IsOver) Again($"{catchUp.Snapshot} could not be made there: {_reason}");
        catchUp.Snapshot = "";
        return isDone && !catchUp.IsOver;
    }

    /// <summary>Looks whether one was taken while it was being compared, which it has not.</summary>
    /// <returns>False if it has to begin anew.</returns>
    public async ValueTask<bool> HasAllAsync()
    {
        if (!IsAllowed) return !catchUp.IsOver;
        // One that was begun and is not there yet would be missed.
        ulong last = leader.Window.Last;
        await member.Applier!.WaitAsync(last);
        if (catchUp.IsOver) return false;
        List<Snapshot> missing = await FindMissingAsync(last);
        if (catchUp.IsOver) return false;
        if (missing.Count == 0) return true;
        Again($"{missing[0].ShortName} was taken while it was compared");
        return false;
    }

    private void Again(string reason)
    {
        peer.SnapshotRounds++;
        peer.MustCompare = true;
        leader.Watch.Drop(peer, "a snapshot is missing: " + reason);
    }

    // Those that can be made, the oldest first.
    private async ValueTask<List<Snapshot>> FindMissingAsync(ulong applied)
    {
        List<Snapshot> own = [.. member.Replica!.Snapshots];
        if (own.Count == 0) return own;
        Answer answer = await peer.AskAsync(new Frame { Kind = FrameKind.Snapshots, Index = applied });
        if (!answer.IsOk) return [];
        HashSet<Guid> theirs = FollowerPart.SnapshotsOf(answer.Payload);
        return own[(own.FindLastIndex(snapshot => theirs.Contains(snapshot.Id)) + 1)..];
    }

    private async ValueTask<bool> BringAsync(Snapshot snapshot)
    {
        (IoStatus status, ContentView? view) = await member.Replica!.SnapshotViewAsync(snapshot);
        if (view is null) return Fail($"it cannot be read here ({status})");
        Comparison comparison = new(
            member, peer, catchUp, view, (block, count) => FillAsync(view, block, count));
        catchUp.Comparison = comparison;
        bool isDone = !catchUp.IsOver && await CompareAsync(snapshot, comparison);
        comparison.Close();
        if (!isDone) return Fail(comparison.Reason);
        byte[] payload = EntryApplier.SnapshotPayload(
            snapshot.ShortName, snapshot.Id,
            (snapshot.CreatedAt - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick);
        Answer taken = await peer.AskAsync(new Frame { Kind = FrameKind.TakeSnapshot }, payload);
        return taken.IsOk || Fail($"it cannot take it ({taken.Status})");
    }

    private async ValueTask<bool> CompareAsync(Snapshot snapshot, Comparison comparison)
    {
        Frame compare = new()
        {
            Kind = FrameKind.Compare,
            Level = FollowerPart.Older,
            Index = leader.Window.Last + 1,
            Length = snapshot.SizeBytes,
        };
        Answer compared = await peer.AskAsync(compare);
        return !catchUp.IsOver && await comparison.RunAsync(compared);
    }

    private async ValueTask<string?> FillAsync(ContentView view, ulong block, int count)
    {
        int length = count * member.Replica!.Volume.BlockSizeBytes;
        await leader.Throttle.TakeAsync(length);
        if (catchUp.IsOver) return "it begins anew";
        IoBuffer? buffer = member.Loop.Buffers.TryRent(length);
        if (buffer is null) return "there is no memory";
        Task<Answer>? asked = null;
        IoStatus status = await view.ReadBlocksAsync(block, buffer.First(length));
        if (status == IoStatus.Ok && !catchUp.IsOver)
        {
            Frame fill = new()
            {
                Kind = FrameKind.Fill,
                Offset = (long)block * member.Replica.Volume.BlockSizeBytes,
                Length = length,
            };
            asked = peer.AskAsync(fill, buffer.Span[..length]);
        }

        buffer.Release();
        if (asked is null) return $"block {block} cannot be read: {status}";
        Answer filled = await asked;
        if (!filled.IsOk) return $"block {block} cannot be written: {filled.Status}";
        peer.FilledBytes += length;
        catchUp.SentBytes += length;
        return null;
    }

    private bool Fail(string reason)
    {
        _reason = reason;
        return false;
    }
}
