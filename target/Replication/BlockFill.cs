using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// Brings a run of blocks to a peer as they are on the leader once everything that was sent before has taken
/// effect. No change of them begins meanwhile, so on the peer it fits in where it comes.
/// </summary>
internal sealed class BlockFill(GroupMember member, LeaderPart leader, PeerProgress peer)
{
    /// <summary>Why the leader's blocks could not be read, or Ok.</summary>
    public IoStatus Read { get; private set; }

    /// <returns>How the peer has taken them; Closed if it never was asked.</returns>
    public async ValueTask<IoStatus> RunAsync(long offset, int length)
    {
        IoBuffer? buffer = member.Loop.Buffers.TryRent(length);
        if (buffer is null) return IoStatus.NoMemory;
        Task<Answer>? asked = await AskAsync(offset, buffer.First(length));
        if (PeerRead.MayHelp(Read) && !leader.IsStopped)
        {
            // Another peer may have it; what it gives is written back here, too.
            Read = await new PeerRead(member, leader).RunAsync(offset, buffer.First(length));
            if (Read == IoStatus.Ok) asked = await AskAsync(offset, buffer.First(length));
        }

        buffer.Release();
        return asked is null ? IoStatus.Closed : (await asked).Status;
    }

    private async ValueTask<Task<Answer>?> AskAsync(long offset, IoSlice into)
    {
        WaitQueue gate = leader.Gates.Close(offset, into.LengthBytes);
        // Whatever was sent before is in what is read.
        await member.Applier!.WaitAsync(leader.Window.Last);
        Read = await member.Replica!.Volume.ReadAsync(offset, into);
        Task<Answer>? asked = null;
        // One that joins anew has given up what was sent before, and begins when nothing is under way.
        if (Read == IoStatus.Ok && !leader.IsStopped && peer.IsStreaming)
        {
            Frame fill = new() { Kind = FrameKind.Fill, Offset = offset, Length = into.LengthBytes };
            asked = peer.AskAsync(fill, into.Span);
        }

        leader.Gates.Open(gate);
        return asked;
    }
}
