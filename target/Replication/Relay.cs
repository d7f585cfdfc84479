using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Hands what initiators ask of this node on to the one that leads, and carries out what other nodes hand on
/// to this one. So every path works at any time; those that do not end at the leader are slower.
/// </summary>
/// <remarks>
/// An initiator that gave up a path must not be surprised by what it had asked there. So a request names the
/// lease epoch, the newest heartbeat that its node heard and the reservations that it was checked against:
/// what was under way for long, is for another leader, or was checked against others, is refused. A node
/// repeats for a short while only what certainly had no effect (<see cref="IoStatus.Aborted"/>); of all else
/// the initiator is told to ask again.
/// </remarks>
internal sealed class Relay(GroupMember member)
{
    private const int UnitBytes = 512;
    private const int ChangeLines = 3;

    private readonly Dictionary<ulong, (string Peer, TaskCompletionSource<Answer> Answer)> _open = [];

    /// <summary>Reads at the leader.</summary>
    public async ValueTask<IoStatus> ReadAsync(long offset, IoSlice into, string reservations)
    {
        for (int done = 0; done < into.LengthBytes;)
        {
            int length = Math.Min(Frame.MaximumPayloadBytes, into.LengthBytes - done);
            Answer answer = await AskAsync(
                RelayKind.Read, offset + done, length, default, reservations);
            if (!answer.IsOk) return answer.Status;
            if (answer.Payload.Length != length) return IoStatus.NotLeader;
            answer.Payload.CopyTo(into.Span[done..]);
            done += length;
        }

        return IoStatus.Ok;
    }

    /// <summary>Writes at the leader.</summary>
    public async ValueTask<IoStatus> WriteAsync(
        long offset, IoSlice from, bool durable, string reservations)
    {
        for (int done = 0; done < from.LengthBytes;)
        {
            int length = Pieces.LengthOf(member, offset, from.LengthBytes, done);
            bool isLast = done + length == from.LengthBytes;
            RelayKind kind = durable && isLast ? RelayKind.WriteDurably : RelayKind.Write;
            Answer answer = await AskAsync(
                kind, offset + done, length, from.Slice(done, length).Span, reservations);
            if (!answer.IsOk) return Pieces.StatusOf(answer.Status, done);
            done += length;
        }

        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> UnmapAsync(long offset, long length, string reservations) =>
        (await AskAsync(RelayKind.Unmap, offset, length, default, reservations)).Status;

    public async ValueTask<IoStatus> FlushAsync() =>
        (await AskAsync(RelayKind.Flush, 0, 0, default, null)).Status;

    /// <summary>Compares and writes at the leader; NotLeader if nobody knows whether it did.</summary>
    public async ValueTask<CompareResult> CompareAndWriteAsync(
        long offset, IoSlice both, string reservations)
    {
        int length = both.LengthBytes / 2;
        Answer answer = await AskAsync(
            RelayKind.CompareAndWrite, offset, length, both.Span, reservations);
        return ResultOf(answer, length);
    }

    /// <summary>Ok if this node knows the newest reservations.</summary>
    public async ValueTask<IoStatus> ConfirmReservationsAsync()
    {
        Answer answer = await AskAsync(RelayKind.ConfirmReservations, 0, 0, default, null);
        bool isKnown = answer.Frame.Level == member.Reservations.VersionIn(answer.Frame.Epoch);
        return answer.IsOk && !isKnown ? IoStatus.Aborted : answer.Status;
    }

    /// <summary>Changes them at the leader; NotLeader if nobody knows whether that was done.</summary>
    public async ValueTask<CompareResult> ChangeReservationsAsync(
        string before, string after, string notices)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{before}\n{after}\n{notices}");
        if (text.Length > Frame.MaximumPayloadBytes) return new CompareResult(IoStatus.NoSpace);
        return ResultOf(await AskAsync(RelayKind.ChangeReservations, 0, 0, text, null), 1);
    }

    private static CompareResult ResultOf(Answer answer, int length)
    {
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

    private Task<Answer> AskAsync(
        RelayKind kind, long offset, long length, ReadOnlySpan<byte> data, string? reservations)
    {
        string leader = member.Follower.LeaderName;
        bool isChecked = reservations is null || reservations == member.Reservations.Text;
        if (leader.Length == 0 || !member.Network.IsUp(leader) || !isChecked)
            return Task.FromResult(new Answer(IoStatus.Aborted, default, []));
        Frame frame = new()
        {
            Kind = FrameKind.Relay,
            Status = (byte)kind,
            Level = member.Reservations.VersionIn(member.Follower.Epoch),
            Epoch = member.Follower.Epoch,
            Index = (ulong)member.Follower.LeaderStampNanoseconds,
            Offset = offset,
            Length = length,
            Request = member.NextRequest(),
        };
        TaskCompletionSource<Answer> answer = new();
        _open.Add(frame.Request, (leader, answer));
        member.Send(leader, frame, data);
        return answer.Task;
    }

    private async ValueTask CarryOutAsync(string peer, Frame frame, IoBuffer? data, int dataBytes)
    {
        Frame answer = new() { Kind = FrameKind.Relayed, Request = frame.Request, Epoch = frame.Epoch };
        RelayKind kind = (RelayKind)frame.Status;
        IoBuffer? read = null;
        IoStatus status = RefusalOf(frame, data, dataBytes);
        if (status == IoStatus.Ok && kind == RelayKind.Read)
        {
            read = member.Loop.Buffers.TryRent((int)frame.Length);
            status = read is null
                ? IoStatus.NoMemory
                : await member.Leader!.ReadAsync(frame.Offset, read.First((int)frame.Length));
        }
        else if (status == IoStatus.Ok)
        {
            CompareResult result = await CarryOutAsync(
                member.Leader!, frame, HasData(kind) ? data!.First(dataBytes) : default);
            status = result.Status;
            answer.Length = result.Difference;
            answer.Level = member.Reservations.VersionIn(frame.Epoch);
        }

        answer.Status = (byte)status;
        bool hasRead = status == IoStatus.Ok && read is not null;
        member.Send(peer, answer, hasRead ? read!.Span[..(int)frame.Length] : default);
        read?.Release();
        data?.Release();
    }

    private async ValueTask<CompareResult> CarryOutAsync(LeaderPart leader, Frame frame, IoSlice data)
    {
        string reservations = member.Reservations.Text;
        switch ((RelayKind)frame.Status)
        {
            case RelayKind.CompareAndWrite:
                return await new ConditionalWrite(member, leader).RunAsync(frame.Offset, data, reservations);
            case RelayKind.ChangeReservations:
                string[] lines = Encoding.UTF8.GetString(data.Span).Split('\n');
                return lines.Length == ChangeLines
                    ? await leader.Reservations.ChangeAsync(lines[0], lines[1], lines[2])
                    : new CompareResult(IoStatus.OutOfRange);
            case RelayKind.ConfirmReservations:
                return new CompareResult(await leader.Reservations.ConfirmAsync());
            case RelayKind.Flush:
                return new CompareResult(await leader.FlushAsync());
            case RelayKind.Unmap:
                return new CompareResult(
                    await Pieces.UnmapAsync(leader, frame.Offset, frame.Length, reservations));
            case RelayKind kind:
                return new CompareResult(await Pieces.WriteAsync(
                    member, leader, frame.Offset, data, kind == RelayKind.WriteDurably, reservations));
        }
    }

    private static bool HasData(RelayKind kind) => kind is RelayKind.Write or RelayKind.WriteDurably
        or RelayKind.CompareAndWrite or RelayKind.ChangeReservations;

    // Aborted for what came late, was meant for another leader, or was checked against other reservations.
    private IoStatus RefusalOf(in Frame frame, IoBuffer? data, int dataBytes)
    {
        RelayKind kind = (RelayKind)frame.Status;
        bool isOnTime = member.Loop.NowNanoseconds - (long)frame.Index < member.Timings.AnswerNanoseconds;
        if (!isOnTime || member.Leader is not { IsServing: true } leader || leader.Epoch != frame.Epoch)
            return IoStatus.Aborted;
        bool isBound = kind is not (RelayKind.Flush or RelayKind.ConfirmReservations
            or RelayKind.ChangeReservations);
        if (isBound && frame.Level != member.Reservations.VersionIn(frame.Epoch)) return IoStatus.Aborted;
        if (!Fits(frame, HasData(kind) ? dataBytes : -1)) return IoStatus.OutOfRange;
        return HasData(kind) && data is null ? IoStatus.NoMemory : IoStatus.Ok;
    }

    // What a peer says is not believed: a request lies within the volume, and its data is what it announces.
    private bool Fits(in Frame frame, int dataBytes)
    {
        long size = member.Replica!.Volume.SizeBytes;
        bool isInside = frame.Offset >= 0 && frame.Length >= 0 && frame.Offset <= size
            && frame.Length <= size - frame.Offset
            && ((frame.Offset | frame.Length) & (UnitBytes - 1)) == 0;
        bool isOfSize = (RelayKind)frame.Status switch
        {
            RelayKind.Read => frame.Length is > 0 and <= Frame.MaximumPayloadBytes,
            RelayKind.Write or RelayKind.WriteDurably => frame.Length > 0 && frame.Length == dataBytes,
            RelayKind.CompareAndWrite => frame.Length > 0 && 2 * frame.Length == dataBytes,
            RelayKind.Unmap => frame.Length > 0,
            RelayKind.Flush or RelayKind.ConfirmReservations => frame.Length == 0,
            RelayKind.ChangeReservations => frame.Length == 0 && dataBytes > 0,
            _ => false,
        };
        return isInside && isOfSize;
    }

    private static async void Forward(ValueTask work) => await work;
}
