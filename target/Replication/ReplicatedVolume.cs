using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Statistics;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// A replicated volume as this node serves it. Where the node leads, requests are carried out on all
/// replicas; elsewhere they are handed on to the node that does. While nobody leads they wait a while and end
/// with <see cref="IoStatus.NotLeader"/>: the initiator is to ask again, here or on another path.
/// </summary>
public sealed class ReplicatedVolume(GroupMember member, Volume volume) : IBlockVolume
{
    /// <summary>The group's: the same on every node.</summary>
    public Guid Id => member.Id;

    public string Name => volume.Name;

    public long SizeBytes => member.SizeBytes;

    public bool IsSizeKnown => member.IsSizeKnown;

    public int BlockSizeBytes => volume.BlockSizeBytes;

    public bool IsReadOnly => volume.IsReadOnly;

    public ISharedReservations? SharedReservations => member.Reservations;

    public string Reservations => member.Reservations.Text;

    public int ReservationsMaximumBytes => member.Reservations.MaximumBytes;

    public int SpaceWarnings => volume.SpaceWarnings;

    public VolumeTimes? Times => volume.Times;

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        if (!IsInside(offsetBytes, into.LengthBytes)) return Outside;
        long begun = Now;
        string reservations = Reservations;
        IoStatus status;
        do
            status = Leader is { } leader
                ? await leader.ReadAsync(offsetBytes, into)
                : await member.Relay.ReadAsync(offsetBytes, into, reservations);
        while (status is IoStatus.NotLeader or IoStatus.Aborted && await MayRepeatAsync(begun, reservations));
        return Told(status);
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable)
    {
        if (IsReadOnly) return IoStatus.ReadOnly;
        if (!IsInside(offsetBytes, from.LengthBytes)) return Outside;
        if (from.LengthBytes == 0) return durable ? await FlushAsync() : IoStatus.Ok;
        long begun = Now;
        string reservations = Reservations;
        IoStatus status;
        do
            status = Leader is { } leader
                ? await Pieces.WriteAsync(member, leader, offsetBytes, from, durable, reservations)
                : await member.Relay.WriteAsync(offsetBytes, from, durable, reservations);
        while (status == IoStatus.Aborted && await MayRepeatAsync(begun, reservations));
        return Told(status);
    }

    // Both halves go to the leader in one frame.
    public int CompareAndWriteBytes => Frame.MaximumPayloadBytes / 2;

    public async ValueTask<CompareResult> CompareAndWriteAsync(long offsetBytes, IoSlice both)
    {
        int length = both.LengthBytes / 2;
        if (IsReadOnly) return new CompareResult(IoStatus.ReadOnly);
        if (length > CompareAndWriteBytes) return new CompareResult(IoStatus.OutOfRange);
        if (!IsInside(offsetBytes, length)) return new CompareResult(Outside);
        if (length == 0) return new CompareResult(IoStatus.Ok);
        long begun = Now;
        string reservations = Reservations;
        CompareResult result;
        do
            result = Leader is { } leader
                ? await new ConditionalWrite(member, leader).RunAsync(offsetBytes, both, reservations)
                : await member.Relay.CompareAndWriteAsync(offsetBytes, both, reservations);
        while (result.Status == IoStatus.Aborted && await MayRepeatAsync(begun, reservations));
        return Pieces.Told(result);
    }

    public async ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        if (IsReadOnly) return IoStatus.ReadOnly;
        if (!IsInside(offsetBytes, lengthBytes)) return Outside;
        if (lengthBytes == 0) return IoStatus.Ok;
        long begun = Now;
        string reservations = Reservations;
        IoStatus status;
        do
            status = Leader is { } leader
                ? await Pieces.UnmapAsync(leader, offsetBytes, lengthBytes, reservations)
                : await member.Relay.UnmapAsync(offsetBytes, lengthBytes, reservations);
        while (status == IoStatus.Aborted && await MayRepeatAsync(begun, reservations));
        return Told(status);
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> FlushAsync()
    {
        long begun = Now;
        IoStatus status;
        do
            status = Leader is { } leader ? await leader.FlushAsync() : await member.Relay.FlushAsync();
        while (status is IoStatus.NotLeader or IoStatus.Aborted && await member.MayRepeatAsync(begun));
        return Told(status);
    }

    public async ValueTask<bool> LearnSizeAsync()
    {
        long begun = Now;
        while (!IsSizeKnown)
            if (!await member.MayRepeatAsync(begun))
                return member.Leader is not null || member.Follower.HasSize;
        return true;
    }

    /// <summary>Takes a snapshot on all replicas, of the same entries.</summary>
    public async ValueTask<IoStatus> SnapshotAsync(string name)
    {
        if (member.Leader is not { } leader) return IoStatus.NotLeader;
        byte[] id = new byte[16];
        member.Loop.FillRandom(id);
        long created = (member.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        byte[] payload = EntryApplier.SnapshotPayload(name, new Guid(id), created);
        (IoStatus status, Entry? entry) = await leader.BeginAsync(
            FrameKind.Snapshot, 0, 0, payload, default, reservations: null);
        return entry is null ? status : await entry.WaitAsync();
    }

    /// <summary>
    /// Gives the volume another size on all replicas, between the same entries; what lies behind a smaller
    /// end is lost.
    /// </summary>
    /// <param name="sizeBytes">Rounded up to the block.</param>
    /// <param name="mayShrink">Else OutOfRange if it would become smaller than others make it.</param>
    /// <returns>Ok once all have it that count; Aborted if nothing was done.</returns>
    public async ValueTask<IoStatus> ResizeAsync(long sizeBytes, bool mayShrink = true)
    {
        if (member.Leader is not { } leader) return IoStatus.Aborted;
        long rounded = (sizeBytes + BlockSizeBytes - 1) & -(long)BlockSizeBytes;
        // Whatever is being read to be sent, or compared, must still be there.
        if (!await leader.WaitTurnAsync(0, long.MaxValue)) return IoStatus.Aborted;
        // Not before: others may have changed it meanwhile.
        if (!mayShrink && rounded < leader.SizeBytes) return IoStatus.OutOfRange;
        if (member.Replica!.FaultOfSize(sizeBytes) is not null) return IoStatus.NoSpace;
        (IoStatus status, Entry? entry) = leader.Begin(FrameKind.Resize, 0, rounded, default, default);
        return entry is null ? status : await entry.WaitAsync();
    }

    /// <summary>Changes properties that are of the volume, on all replicas.</summary>
    /// <param name="changes">By name; the empty text takes one away.</param>
    /// <returns>Ok once all have it that count; Aborted if nothing was done.</returns>
    public async ValueTask<IoStatus> SetPropertiesAsync(IEnumerable<KeyValuePair<string, string>> changes) =>
        member.Leader is { } leader ? await leader.Properties.ChangeAsync(changes) : IoStatus.Aborted;

    private LeaderPart? Leader => member.Leader is { IsServing: true } leader ? leader : null;

    private long Now => member.Loop.NowNanoseconds;

    // What was asked for under other reservations is not for this node to ask again.
    private async ValueTask<bool> MayRepeatAsync(long begun, string reservations) =>
        reservations == Reservations && await member.MayRepeatAsync(begun);

    // A leader may have made it larger, of which this node has not heard: it is not for good.
    private IoStatus Outside => IsSizeKnown ? IoStatus.OutOfRange : IoStatus.NotLeader;

    private static IoStatus Told(IoStatus status) =>
        status == IoStatus.Aborted ? IoStatus.NotLeader : status;

    private bool IsInside(long offsetBytes, long lengthBytes) =>
        offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes <= SizeBytes
            && lengthBytes <= SizeBytes - offsetBytes;
}
