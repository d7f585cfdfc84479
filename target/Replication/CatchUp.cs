using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.PoolLayout;

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
    private const int HashBytes = 16;
    private const int ViewAttempts = 3;
    private const string Resized = "its volume was resized meanwhile";
    private const long SliceBytes = 1L << 20;
    private const long SliceNanoseconds = 1_000_000;

    private readonly int _attempt = peer.Attempt;
    private readonly long _startedNanoseconds = member.Loop.NowNanoseconds;
    private ulong _comparedBlocks;
    private ContentView? _view;
    private string _reason = "one of the trees cannot be read";

    /// <summary>The trees are compared; else the entries suffice.</summary>
    public bool IsComparing { get; private set; }

    /// <summary>Bytes that were sent to make the peer equal.</summary>
    public long SentBytes { get; private set; }

    /// <summary>Nodes whose children's hashes were compared.</summary>
    public long NodesCompared { get; private set; }

    /// <summary>Part of the volume that is known to be the same, 0 to 1.</summary>
    public double Share => IsComparing
        ? Math.Min(1, (double)_comparedBlocks / Math.Max(1, _view?.BlockCount ?? 1))
        : 1;

    /// <summary>How long it has been going on.</summary>
    public long ElapsedNanoseconds => Math.Max(1, member.Loop.NowNanoseconds - _startedNanoseconds);

    private bool IsOver => leader.IsStopped || peer.Attempt != _attempt;

    /// <param name="applied">The peer holds every entry up to this one; null if it must be compared.</param>
    public async ValueTask RunAsync(ulong? applied)
    {
        if (applied is { } known)
        {
            leader.Acknowledge(peer, known);
            if (!await ReplayAsync(known)) return;
            await TellReservationsAsync();
            if (IsOver) return;
        }
        else if (!await CompareAsync())
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
            leader.Send(peer, entry);
            known = entry.Index;
            bytes += entry.PayloadBytes;
        }

        SentBytes += bytes;
        return known;
    }

    private async ValueTask<bool> CompareAsync()
    {
        IsComparing = true;
        peer.FilledBytes = 0;
        ulong first = leader.Window.Last + 1;
        Task<Answer> asked = peer.AskAsync(
            new Frame { Kind = FrameKind.Compare, Index = first, Length = leader.SizeBytes });
        peer.IsStreaming = true;
        await TellReservationsAsync();
        await member.Applier!.WaitAsync(first - 1);
        IoStatus status = IoStatus.Closed;
        if (!IsOver) (status, _view) = await member.Replica!.ViewAsync();
        Answer compared = await asked;
        if (compared.Status == IoStatus.NoSpace) _reason = "its pool has no room for the volume's size";
        bool isDone = !IsOver && status == IoStatus.Ok && compared.IsOk && await CompareRootsAsync(compared);
        _view?.Close();
        if (isDone)
        {
            ulong last = leader.Window.Last;
            Answer ended = await peer.AskAsync(new Frame { Kind = FrameKind.CompareEnd, Index = last });
            isDone = ended.IsOk && !IsOver;
            if (isDone) leader.Acknowledge(peer, last);
        }

        if (!isDone && !IsOver)
            leader.Watch.Drop(peer, $"it could not be compared: {_reason} ({status}, {compared.Status})");
        return isDone;
    }

    // Changes that it missed need not be among the entries that it gets. From here on its path works.
    private async ValueTask TellReservationsAsync()
    {
        if (!await leader.Reservations.ReissueAsync() && !IsOver)
            leader.Watch.Drop(peer, "there is no memory to tell it what is reserved");
    }

    private async ValueTask<bool> CompareRootsAsync(Answer compared)
    {
        if (compared.Payload.Length != HashBytes) return false;
        if (compared.Frame.Index != _view!.BlockCount) return Fail(Resized);
        (IoStatus status, Hash128 mine) = await _view.RootHashAsync();
        if (status != IoStatus.Ok || IsOver) return false;
        NodesCompared++;
        if (mine != Hash128.Read(compared.Payload) && member.PlantedFault != PlantedFault.NoComparison)
            return await DescendAsync(_view.Height, 0);
        _comparedBlocks = _view.BlockCount;
        return true;
    }

    private async ValueTask<bool> DescendAsync(int level, ulong first)
    {
        Task<Answer> asked = peer.AskAsync(
            new Frame { Kind = FrameKind.Hashes, Level = level, Offset = (long)first });
        Hash128[] mine = new Hash128[ContentView.Fanout];
        IoStatus status = await HashesAsync(level, first, mine);
        Answer theirs = await asked;
        if (status != IoStatus.Ok || !theirs.IsOk || IsOver)
            return Fail(theirs.Status == IoStatus.OutOfRange || status == IoStatus.OutOfRange
                ? Resized
                : $"hashes: {status}, {theirs.Status}");
        if (theirs.Payload.Length != ContentView.Fanout * HashBytes) return false;
        NodesCompared++;
        ulong span = ContentView.ChildSpan(level);
        for (int i = 0; i < mine.Length; i++)
        {
            ulong child = first + ((ulong)i * span);
            if (level == 1 || IsSame(mine, theirs, i)) Compared(child, span);
            if (IsSame(mine, theirs, i)) continue;
            if (level > 1)
            {
                if (!await DescendAsync(level - 1, child)) return false;
                continue;
            }

            int run = 1;
            int most = Frame.MaximumPayloadBytes / member.Replica!.Volume.BlockSizeBytes;
            while (i + run < mine.Length && run < most && !IsSame(mine, theirs, i + run)) run++;
            if (!await FillAsync(child, run)) return false;
            Compared(child + 1, (ulong)run - 1);
            i += run - 1;
        }

        return true;
    }

    // Only blocks of the volume count.
    private void Compared(ulong first, ulong count)
    {
        ulong end = Math.Min(first + count, _view!.BlockCount);
        if (end > first) _comparedBlocks += end - first;
    }

    private async ValueTask<IoStatus> HashesAsync(int level, ulong first, Hash128[] hashes)
    {
        IoStatus status = await _view!.ChildHashesAsync(level, first, hashes);
        // The pool wants back what the view keeps; a later one will do as well.
        for (int i = 0; i < ViewAttempts && status == IoStatus.Aborted && !IsOver; i++)
        {
            _view!.Close();
            ulong blocks = _view.BlockCount;
            (status, ContentView? later) = await member.Replica!.ViewAsync();
            _view = later ?? _view;
            if (_view.BlockCount != blocks) return IoStatus.OutOfRange;
            if (status == IoStatus.Ok) status = await _view.ChildHashesAsync(level, first, hashes);
        }

        return status;
    }

    private bool Fail(string reason)
    {
        _reason = reason;
        return false;
    }

    private static bool IsSame(Hash128[] mine, Answer theirs, int index) =>
        mine[index] == Hash128.Read(theirs.Payload.AsSpan(index * HashBytes));

    private async ValueTask<bool> FillAsync(ulong block, int count)
    {
        int blockBytes = member.Replica!.Volume.BlockSizeBytes;
        long offset = (long)block * blockBytes;
        int length = count * blockBytes;
        await leader.Throttle.TakeAsync(length);
        if (IsOver) return false;
        BlockFill fill = new(member, leader, peer);
        IoStatus filled = await fill.RunAsync(offset, length);
        if (filled == IoStatus.Ok)
        {
            peer.FilledBytes += length;
            SentBytes += length;
            return true;
        }

        if (fill.Read == IoStatus.Ok) return Fail($"block {block} cannot be written: {filled}");
        // Somebody else may be able to, who has what is damaged here.
        if (!leader.IsServing && !IsOver) member.StepDown($"it cannot read block {block}: {fill.Read}");
        return Fail($"block {block} cannot be read: {fill.Read}");
    }
}
