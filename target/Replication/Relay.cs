using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Hands what initiators ask of this node on to the one that leads, and carries out what other nodes hand on
/// to this one. So every path works at any time; those that do not end at the leader are slower.
/// </summary>
/// <remarks>
/// An initiator that gave up a path must not be surprised by what it had asked there. So a request names the
/// lease epoch and the newest heartbeat that its node heard: what was under way for long, or is for another
/// leader, is refused. A node repeats for a short while only what certainly had no effect
/// (<see cref="IoStatus.Aborted"/>); of all else the initiator is told to ask again.
/// </remarks>
internal sealed class Relay(GroupMember member)
{
    private const int UnitBytes = 512;

    private readonly Dictionary<ulong, (string Peer, TaskCompletionSource<Answer> Answer)> _open = [];

    /// <summary>Reads at the leader.</summary>
    public async ValueTask<IoStatus> ReadAsync(long offset, IoSlice into)
    {
        for (int done = 0; done < into.LengthBytes;)
        {
            int length = Math.Min(Frame.MaximumPayloadBytes, into.LengthBytes - done);
            Answer answer = await AskAsync(RelayKind.Read, offset + done, length, default);
            if (!answer.IsOk) return answer.Status;
            if (answer.Payload.Length != length) return IoStatus.NotLeader;
            answer.Payload.CopyTo(into.Span[done..]);
            done += length;
        }

        return IoStatus.Ok;
    }

    /// <summary>Writes at the leader.</summary>
    public async ValueTask<IoStatus> WriteAsync(long offset, IoSlice from, bool durable)
    {
        for (int done = 0; done < from.LengthBytes;)
        {
            int length = Pieces.LengthOf(member, offset, from.LengthBytes, done);
            bool isLast = done + length == from.LengthBytes;
            RelayKind kind = durable && isLast ? RelayKind.WriteDurably : RelayKind.Write;
            Answer answer = await AskAsync(kind, offset + done, length, from.Slice(done, length));
            if (!answer.IsOk) return Pieces.StatusOf(answer.Status, done);
            done += length;
        }

        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> UnmapAsync(long offset, long length) =>
        (await AskAsync(RelayKind.Unmap, offset, length, default)).Status;

    public async ValueTask<IoStatus> FlushAsync() =>
        (await AskAsync(RelayKind.Flush, 0, 0, default)).Status;

    /// <summary>Compares and writes at the leader; NotLeader if nobody knows whether it did.</summary>
    public async ValueTask<CompareResult> CompareAndWriteAsync(long offset, IoSlice both)
    {
        int length = both.LengthBytes / 2;
        Answer answer = await AskAsync(RelayKind.CompareAndWrite, offset, length, both);
        bool isRight = answer.Frame.Length >= -1 && answer.Frame.Length < length;
        return answer.IsOk && !isRight
            ? new CompareResult(IoStatus.NotLeader)
            : new CompareResult(answer.Status, answer.IsOk ? (int)answer.Frame.Length : -1);
    }

    public void OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        if (frame.Kind == FrameKind.Relay)
        {
            IoBuffer? buffer = null;
            if (payload.LengthBytes > 0 && member.Loop.Buffers.TryRent(payload.LengthBytes) is { } rented)
            {
                buffer = rented;
                payload.Span.CopyTo(buffer.Span);
            }

            Forward(CarryOutAsync(peer, frame, buffer, payload.LengthBytes));
        }
        else if (_open.TryGetValue(frame.Request, out var open) && open.Peer == peer)
        {
            _open.Remove(frame.Request);
            open.Answer.SetResult(new Answer((IoStatus)frame.Status, frame, payload.Span.ToArray()));
        }
    }

    /// <summary>What was asked of a peer that is gone is not answered any more.</summary>
    public void OnPeerLost(string peer)
    {
        foreach ((ulong request, var open) in _open.ToArray())
            if (open.Peer == peer && _open.Remove(request))
                open.Answer.SetResult(new Answer(IoStatus.NotLeader, default, []));
    }

    private Task<Answer> AskAsync(RelayKind kind, long offset, long length, IoSlice data)
    {
        string leader = member.Follower.LeaderName;
        if (leader.Length == 0 || !member.Network.IsUp(leader))
            return Task.FromResult(new Answer(IoStatus.Aborted, default, []));
        Frame frame = new()
        {
            Kind = FrameKind.Relay,
            Level = (int)kind,
            Epoch = member.Follower.Epoch,
            Index = (ulong)member.Follower.LeaderStampNanoseconds,
            Offset = offset,
            Length = length,
            Request = member.NextRequest(),
        };
        TaskCompletionSource<Answer> answer = new();
        _open.Add(frame.Request, (leader, answer));
        member.Send(leader, frame, data.LengthBytes == 0 ? default : data.Span);
        return answer.Task;
    }

    private async ValueTask CarryOutAsync(string peer, Frame frame, IoBuffer? data, int dataBytes)
    {
        Frame answer = new() { Kind = FrameKind.Relayed, Request = frame.Request };
        RelayKind kind = (RelayKind)frame.Level;
        bool hasData = kind is RelayKind.Write or RelayKind.WriteDurably or RelayKind.CompareAndWrite;
        IoBuffer? read = null;
        IoStatus status;
        bool isOnTime = member.Loop.NowNanoseconds - (long)frame.Index < member.Timings.AnswerNanoseconds;
        if (!isOnTime || member.Leader is not { IsServing: true } leader || leader.Epoch != frame.Epoch)
            status = IoStatus.Aborted;
        else if (!Fits(frame, hasData ? dataBytes : -1))
            status = IoStatus.OutOfRange;
        else if (hasData && data is null)
            status = IoStatus.NoMemory;
        else if (kind == RelayKind.Read)
        {
            read = member.Loop.Buffers.TryRent((int)frame.Length);
            status = read is null
                ? IoStatus.NoMemory
                : await leader.ReadAsync(frame.Offset, read.First((int)frame.Length));
        }
        else if (kind == RelayKind.CompareAndWrite)
        {
            CompareResult result =
                await new ConditionalWrite(member, leader).RunAsync(frame.Offset, data!.First(dataBytes));
            status = result.Status;
            answer.Length = result.Difference;
        }
        else
            status = await ChangeAsync(leader, frame, hasData ? data!.First(dataBytes) : default);

        answer.Status = (byte)status;
        bool hasRead = status == IoStatus.Ok && read is not null;
        member.Send(peer, answer, hasRead ? read!.Span[..(int)frame.Length] : default);
        read?.Release();
        data?.Release();
    }

    private ValueTask<IoStatus> ChangeAsync(LeaderPart leader, in Frame frame, IoSlice data) =>
        (RelayKind)frame.Level switch
        {
            RelayKind.Unmap => Pieces.UnmapAsync(leader, frame.Offset, frame.Length),
            RelayKind.Flush => leader.FlushAsync(),
            RelayKind kind => Pieces.WriteAsync(
                member, leader, frame.Offset, data, kind == RelayKind.WriteDurably),
        };

    // What a peer says is not believed: a request lies within the volume, and its data is what it announces.
    private bool Fits(in Frame frame, int dataBytes)
    {
        long size = member.Replica!.Volume.SizeBytes;
        bool isInside = frame.Offset >= 0 && frame.Length >= 0 && frame.Offset <= size
            && frame.Length <= size - frame.Offset
            && ((frame.Offset | frame.Length) & (UnitBytes - 1)) == 0;
        bool isOfSize = (RelayKind)frame.Level switch
        {
            RelayKind.Read => frame.Length is > 0 and <= Frame.MaximumPayloadBytes,
            RelayKind.Write or RelayKind.WriteDurably => frame.Length > 0 && frame.Length == dataBytes,
            RelayKind.CompareAndWrite => frame.Length > 0 && 2 * frame.Length == dataBytes,
            RelayKind.Unmap => frame.Length > 0,
            RelayKind.Flush => frame.Length == 0,
            _ => false,
        };
        return isInside && isOfSize;
    }

    private static async void Forward(ValueTask work) => await work;
}
