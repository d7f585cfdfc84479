using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Requests of initiators as entries: a long write is several, which end where blocks do, so that no block is
/// ever half of a request.
/// </summary>
internal static class Pieces
{
    /// <summary>How long the next piece of a write is.</summary>
    public static int LengthOf(GroupMember member, long offset, int lengthBytes, int done)
    {
        long boundary = (offset + done + Frame.MaximumPayloadBytes) & -member.Replica!.Volume.BlockSizeBytes;
        return (int)(Math.Min(offset + lengthBytes, boundary) - offset) - done;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public static async ValueTask<IoStatus> WriteAsync(
        GroupMember member, LeaderPart leader, long offset, IoSlice from, bool durable,
        string reservations)
    {
        IoStatus status = IoStatus.Ok;
        for (int done = 0; done < from.LengthBytes && status == IoStatus.Ok;)
        {
            int length = LengthOf(member, offset, from.LengthBytes, done);
            (status, Entry? entry) = await leader.BeginAsync(
                FrameKind.Write, offset + done, length, default, from.Slice(done, length), reservations);
            status = entry is null ? StatusOf(NotBegun(status), done) : await entry.WaitAsync();
            done += length;
        }

        return durable && status == IoStatus.Ok ? await leader.FlushAsync() : status;
    }

    public static async ValueTask<IoStatus> UnmapAsync(
        LeaderPart leader, long offset, long length, string reservations)
    {
        (IoStatus status, Entry? entry) =
            await leader.BeginAsync(FrameKind.Unmap, offset, length, default, default, reservations);
        return entry is null ? NotBegun(status) : await entry.WaitAsync();
    }

    /// <summary>
    /// How a request ended of which so much was done before: what certainly had no effect may be repeated.
    /// </summary>
    public static IoStatus StatusOf(IoStatus status, int done) =>
        status == IoStatus.Aborted && done > 0 ? IoStatus.NotLeader : status;

    /// <summary>
    /// For who is outside of the group, to whom NotLeader is what certainly had no effect, and Aborted what
    /// nobody knows of.
    /// </summary>
    public static CompareResult Told(CompareResult result) => result.Status switch
    {
        IoStatus.Aborted => new CompareResult(IoStatus.NotLeader),
        IoStatus.NotLeader => new CompareResult(IoStatus.Aborted),
        _ => result,
    };

    private static IoStatus NotBegun(IoStatus status) =>
        status == IoStatus.NotLeader ? IoStatus.Aborted : status;
}
