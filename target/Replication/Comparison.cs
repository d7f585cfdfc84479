using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Compares the tree of a peer's volume with one of this node, from the root down, only where they differ,
/// and has the blocks that differ sent.
/// </summary>
/// <param name="member">The leader.</param>
/// <param name="peer">With whom.</param>
/// <param name="catchUp">What it is part of.</param>
/// <param name="view">The tree here; is closed by <see cref="Close"/>.</param>
/// <param name="fill">Sends so many blocks from one on; says why that failed, or null.</param>
internal sealed class Comparison(GroupMember member, PeerProgress peer, CatchUp catchUp, ContentView view,
    Func<ulong, int, ValueTask<string?>> fill)
{
    private const int HashBytes = 16;
    private const int ViewAttempts = 3;
    private const string Resized = "its volume was resized meanwhile";

    private ContentView _view = view;
    private ulong _comparedBlocks;

    /// <summary>Why it could not be done.</summary>
    public string Reason { get; private set; } = "one of the trees cannot be read";

    /// <summary>Part of the volume that is known to be the same, 0 to 1.</summary>
    public double Share => Math.Min(1, (double)_comparedBlocks / Math.Max(1, _view.BlockCount));

    /// <summary>The tree is not needed any more.</summary>
    public void Close() => _view.Close();

    /// <summary>Compares, and has sent what differs.</summary>
    /// <param name="compared">What the peer said of its root.</param>
    /// <returns>False if it could not be done; the reason says why.</returns>
    public async ValueTask<bool> RunAsync(Answer compared)
    {
        if (compared.Status == IoStatus.NoSpace) return Fail("its pool has no room for the volume's size");
        if (!compared.IsOk) return Fail("its tree cannot be read");
        if (compared.Payload.Length != HashBytes) return false;
        if (compared.Frame.Index != _view.BlockCount) return Fail(Resized);
        (IoStatus status, Hash128 mine) = await _view.RootHashAsync();
        if (status != IoStatus.Ok || catchUp.IsOver) return false;
        catchUp.NodesCompared++;
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
        if (status != IoStatus.Ok || !theirs.IsOk || catchUp.IsOver)
            return Fail(theirs.Status == IoStatus.OutOfRange || status == IoStatus.OutOfRange
                ? Resized
                : $"hashes: {status}, {theirs.Status}");
        if (theirs.Payload.Length != ContentView.Fanout * HashBytes) return false;
        catchUp.NodesCompared++;
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
            if (await fill(child, run) is { } reason) return Fail(reason);
            Compared(child + 1, (ulong)run - 1);
            i += run - 1;
        }

        return true;
    }

    // Only blocks of the volume count.
    private void Compared(ulong first, ulong count)
    {
        ulong end = Math.Min(first + count, _view.BlockCount);
        if (end > first) _comparedBlocks += end - first;
    }

    private async ValueTask<IoStatus> HashesAsync(int level, ulong first, Hash128[] hashes)
    {
        IoStatus status = await _view.ChildHashesAsync(level, first, hashes);
        // The pool wants back what the view keeps; a later one will do as well.
        for (int i = 0; i < ViewAttempts && status == IoStatus.Aborted && !catchUp.IsOver; i++)
        {
            _view.Close();
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
        Reason = reason;
        return false;
    }

    private static bool IsSame(Hash128[] mine, Answer theirs, int index) =>
        mine[index] == Hash128.Read(theirs.Payload.AsSpan(index * HashBytes));
}
