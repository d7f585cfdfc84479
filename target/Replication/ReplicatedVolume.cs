using Cstor.Engine.Host;
using Cstor.Engine.Statistics;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// A replicated volume as this node serves it: where the node leads, requests are carried out on all
/// replicas, and wait while there are too few; elsewhere they are refused with
/// <see cref="IoStatus.NotLeader"/>, so that the initiator takes another path.
/// </summary>
public sealed class ReplicatedVolume(GroupMember member, Volume volume) : IBlockVolume
{
    /// <summary>The group's: the same on every node.</summary>
    public Guid Id => member.Id;

    public string Name => volume.Name;

    public long SizeBytes => volume.SizeBytes;

    public int BlockSizeBytes => volume.BlockSizeBytes;

    public bool IsReadOnly => volume.IsReadOnly;

    public int SpaceWarnings => volume.SpaceWarnings;

    public VolumeTimes? Times => volume.Times;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into) => member.Leader is { } leader
        ? leader.ReadAsync(offsetBytes, into)
        : new ValueTask<IoStatus>(IoStatus.NotLeader);

    public async ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable)
    {
        if (Refusal(offsetBytes, from.LengthBytes) is var refusal and not IoStatus.Ok) return refusal;
        LeaderPart leader = member.Leader!;
        IoStatus status = IoStatus.Ok;
        int maximum = Frame.MaximumPayloadBytes;
        for (int done = 0; done < from.LengthBytes && status == IoStatus.Ok;)
        {
            // Pieces end where blocks do, so that no block is ever half of a request.
            long boundary = (offsetBytes + done + maximum) & -BlockSizeBytes;
            long end = Math.Min(offsetBytes + from.LengthBytes, boundary);
            int length = (int)(end - offsetBytes) - done;
            (status, Entry? entry) = await leader.BeginAsync(
                FrameKind.Write, offsetBytes + done, length, default, from.Slice(done, length));
            if (entry is not null) status = await entry.Done;
            done += length;
        }

        return durable && status == IoStatus.Ok ? await leader.FlushAsync() : status;
    }

    public async ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        if (Refusal(offsetBytes, lengthBytes) is var refusal and not IoStatus.Ok) return refusal;
        if (lengthBytes == 0) return IoStatus.Ok;
        (IoStatus status, Entry? entry) = await member.Leader!.BeginAsync(
            FrameKind.Unmap, offsetBytes, lengthBytes, default, default);
        return entry is null ? status : await entry.Done;
    }

    public ValueTask<IoStatus> FlushAsync() => member.Leader is { } leader
        ? leader.FlushAsync()
        : new ValueTask<IoStatus>(IoStatus.NotLeader);

    /// <summary>Takes a snapshot on all replicas, of the same entries.</summary>
    public async ValueTask<IoStatus> SnapshotAsync(string name)
    {
        if (member.Leader is not { } leader) return IoStatus.NotLeader;
        byte[] id = new byte[16];
        member.Loop.FillRandom(id);
        long created = (member.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        byte[] payload = EntryApplier.SnapshotPayload(name, new Guid(id), created);
        (IoStatus status, Entry? entry) = await leader.BeginAsync(FrameKind.Snapshot, 0, 0, payload, default);
        return entry is null ? status : await entry.Done;
    }

    private IoStatus Refusal(long offsetBytes, long lengthBytes)
    {
        if (member.Leader is null) return IoStatus.NotLeader;
        if (IsReadOnly) return IoStatus.ReadOnly;
        bool isInside = offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes <= SizeBytes
            && lengthBytes <= SizeBytes - offsetBytes;
        return isInside ? IoStatus.Ok : IoStatus.OutOfRange;
    }
}
