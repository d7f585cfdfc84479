using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// Brings a run of blocks to a peer as they are on the leader once everything that was sent before has taken
/// effect. No change of them begins meanwhile, so on the peer it fits in where it comes.
/// </summary>
internal sealed class BlockFill(GroupMember member, LeaderPart leader, PeerProgress peer)
{
    private bool _isBehindEnd;

    /// <summary>Why the leader's blocks could not be read, or Ok.</summary>
    public IoStatus Read { get; private set; }

    /// <returns>
    /// How the peer has taken them; Closed if it never was asked, Ok if the volume ends before.
    /// </returns>
    public async ValueTask<IoStatus> RunAsync(long offset, int length)
    {
        IoBuffer? buffer = member.Loop.Buffers.TryRent(length);
        if (buffer is null) return IoStatus.NoMemory;
        Task<Answer>? asked = await AskAsync(offset, buffer.First(length));
        if (PeerRead.MayHelp(Read) && !leader.IsStopped)
        {
            // Another peer may have it; what it gives is written back here, too.
            IoSlice within = buffer.First(LengthWithin(offset, length));
            Read = await new PeerRead(member, leader).RunAsync(offset, within);
            if (Read == IoStatus.Ok) asked = await AskAsync(offset, within);
        }

        buffer.Release();
        if (asked is not null) return (await asked).Status;
        return _isBehindEnd ? IoStatus.Ok : IoStatus.Closed;
    }

    private async ValueTask<Task<Answer>?> AskAsync(long offset, IoSlice into)
    {
        WaitQueue gate = leader.Gates.Close(offset, into.LengthBytes);
        // Whatever was sent before is in what is read.
        await member.Applier!.WaitAsync(leader.Window.Last);
        into = into.Slice(0, LengthWithin(offset, into.LengthBytes));
        _isBehindEnd = into.LengthBytes == 0;
        if (!_isBehindEnd) Read = await member.Replica!.Volume.ReadAsync(offset, into);
        Task<Answer>? asked = null;
        // One that joins anew has given up what was sent before, and begins when nothing is under way.
        if (Read == IoStatus.Ok && !_isBehindEnd && !leader.IsStopped && peer.IsStreaming)
        {
            Frame fill = new() { Kind = FrameKind.Fill, Offset = offset, Length = into.LengthBytes };
            asked = peer.AskAsync(fill, into.Span);
        }

        leader.Gates.Open(gate);
        return asked;
    }

    // The volume may have become smaller.
    private int LengthWithin(long offset, int length) =>
        (int)Math.Clamp(member.Replica!.Volume.SizeBytes - offset, 0, length);
}
