using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// A read that the leader's own replica cannot answer: what is damaged there comes from a peer that holds all
/// that was acknowledged, and is written back to where it was damaged.
/// </summary>
/// <remarks>
/// Of each block while no change of it can begin and all before have taken effect on both sides: so both hold
/// the same version, and none is overwritten by what was fetched.
/// </remarks>
internal sealed class PeerRead(GroupMember member, LeaderPart leader)
{
    private readonly Volume _volume = member.Replica!.Volume;

    /// <summary>Whether a peer may have what the own replica has not.</summary>
    public static bool MayHelp(IoStatus status) =>
        status is IoStatus.ChecksumMismatch or IoStatus.DeviceError or IoStatus.DeviceTimeout;

    /// <summary>Reads from whoever has it; who is away may come back with what is damaged here.</summary>
    public static async ValueTask<IoStatus> ReadAsync(
        GroupMember member, LeaderPart leader, long offset, IoSlice into)
    {
        long begun = member.Loop.NowNanoseconds;
        while (true)
        {
            IoStatus status = await new PeerRead(member, leader).RunAsync(offset, into);
            bool isLate = member.Loop.NowNanoseconds - begun > member.Timings.DamageNanoseconds;
            if (!MayHelp(status) || isLate) return status;
            bool isAnyAway = false;
            foreach (PeerProgress peer in leader.Peers) isAnyAway |= peer.Bit != 0 && !leader.HoldsAll(peer);
            if (!isAnyAway) return status;
            await leader.WokenAsync();
            if (leader.IsStopped) return IoStatus.NotLeader;
        }
    }

    /// <summary>Reads whole units, block by block.</summary>
    /// <returns>Ok, NotLeader, or why neither side can read a block.</returns>
    public async ValueTask<IoStatus> RunAsync(long offset, IoSlice into)
    {
        int blockBytes = _volume.BlockSizeBytes;
        IoBuffer? buffer = member.Loop.Buffers.TryRent(blockBytes);
        if (buffer is null) return IoStatus.NoMemory;
        IoStatus status = IoStatus.Ok;
        long end = offset + into.LengthBytes;
        for (long at = offset & -blockBytes; at < end && status == IoStatus.Ok; at += blockBytes)
        {
            // It may have become smaller since the read began.
            long left = _volume.SizeBytes - at;
            if (left <= 0)
            {
                status = IoStatus.OutOfRange;
                break;
            }

            IoSlice block = buffer.First((int)Math.Min(blockBytes, left));
            status = await _volume.ReadAsync(at, block);
            if (MayHelp(status)) status = await FetchAsync(at, block, status);
            if (status != IoStatus.Ok) break;
            int from = (int)(Math.Max(offset, at) - at);
            int length = (int)(Math.Min(end, at + block.LengthBytes) - at) - from;
            block.Span.Slice(from, length).CopyTo(into.Span[(int)(at + from - offset)..]);
        }

        buffer.Release();
        return status;
    }

    private async ValueTask<IoStatus> FetchAsync(long offset, IoSlice block, IoStatus failure)
    {
        WaitQueue gate = leader.Gates.Close(offset, block.LengthBytes);
        ulong last = leader.Window.Last;
        await member.Applier!.WaitAsync(last);
        IoStatus status = failure;
        foreach (PeerProgress peer in leader.Peers)
        {
            if (leader.IsStopped || status == IoStatus.Ok) break;
            if (!leader.HoldsAll(peer)) continue;
            Answer answer = await peer.AskAsync(new Frame
            {
                Kind = FrameKind.Fetch,
                Index = last,
                Offset = offset,
                Length = block.LengthBytes,
            });
            if (!answer.IsOk || answer.Payload.Length != block.LengthBytes || leader.IsStopped) continue;
            answer.Payload.CopyTo(block.Span);
            status = IoStatus.Ok;
            // Another leader's entries do not come before it has ended.
            member.Applier.BeginAside();
            IoStatus written = await _volume.WriteAsync(offset, block, durable: false);
            member.Applier.EndAside();
            ReplicationLog.Fetched(
                member.Logger, member.Name, block.LengthBytes, offset, failure, peer.Name, written);
        }

        leader.Gates.Open(gate);
        return leader.IsStopped ? IoStatus.NotLeader : status;
    }
}
