using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// A part of a block was written whose rest is damaged on this node: it waits in memory and in the log, and
/// so long the replica cannot be compared and takes no snapshot. Somebody else has the block: a follower asks
/// its leader for it, the leader a follower.
/// </summary>
internal sealed class Mender(GroupMember member)
{
    private const int MostAtOnce = 64;

    private bool _isUnderWay;
    private long _askedNanoseconds = long.MinValue / 2;

    public void OnTick()
    {
        // What was asked for comes sooner than that, if it comes.
        if (_isUnderWay || member.Replica is not { } replica
            || member.Loop.NowNanoseconds - _askedNanoseconds < member.Timings.AnswerNanoseconds)
            return;
        IReadOnlyList<long> damaged = replica.DamagedOffsets(MostAtOnce);
        if (damaged.Count == 0) return;
        _askedNanoseconds = member.Loop.NowNanoseconds;
        if (member.Leader is { IsServing: true } leader) Forward(MendHereAsync(leader, damaged));
        else if (member.Leader is null && member.Applier!.Epoch == member.Follower.Epoch) Ask(damaged);
    }

    /// <summary>A peer asks for a block.</summary>
    public async ValueTask MendAsync(LeaderPart leader, PeerProgress peer, long offset)
    {
        int length = LengthAt(offset);
        if (length == 0 || peer.Bit == 0) return;
        BlockFill fill = new(member, leader, peer);
        IoStatus status = await fill.RunAsync(offset, length);
        if (status == IoStatus.Closed && fill.Read != IoStatus.Ok) status = fill.Read;
        ReplicationLog.Mended(member.Logger, member.Name, length, offset, peer.Name, status);
    }

    private void Ask(IReadOnlyList<long> damaged)
    {
        Frame frame = new() { Kind = FrameKind.Mend, Epoch = member.Follower.Epoch };
        foreach (long offset in damaged) member.Send(member.LeaderName, frame with { Offset = offset });
    }

    private async ValueTask MendHereAsync(LeaderPart leader, IReadOnlyList<long> damaged)
    {
        IoBuffer? buffer = member.Loop.Buffers.TryRent(member.Replica!.Volume.BlockSizeBytes);
        if (buffer is null) return;
        _isUnderWay = true;
        foreach (long offset in damaged)
            if (!leader.IsStopped)
                await new PeerRead(member, leader).RunAsync(offset, buffer.First(LengthAt(offset)));
        buffer.Release();
        _isUnderWay = false;
    }

    // 0 for what is no block.
    private int LengthAt(long offset)
    {
        int blockBytes = member.Replica!.Volume.BlockSizeBytes;
        long size = member.Replica.Volume.SizeBytes;
        return offset < 0 || offset >= size || offset % blockBytes != 0
            ? 0
            : (int)Math.Min(blockBytes, size - offset);
    }

    private static async void Forward(ValueTask work) => await work;
}
