using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Writes a range at the leader if it holds what is expected. No change of it begins meanwhile and all before
/// have taken effect, so it is compared with what it is just before the write's place among all changes; what
/// the other replicas get is a write like any other.
/// </summary>
/// <remarks>
/// As everywhere in the group, Aborted is what certainly had no effect, and NotLeader what may have had.
/// </remarks>
internal sealed class ConditionalWrite(GroupMember member, LeaderPart leader)
{
    private const int MostRepairs = 2;
    private const long LooseNanoseconds = 2_000_000;

    // From then on what is there may be what this one wrote.
    private bool _hasBegun;

    /// <param name="offset">Of the range.</param>
    /// <param name="both">What is expected, and behind it what to write.</param>
    /// <param name="reservations">That it was checked against.</param>
    public async ValueTask<CompareResult> RunAsync(long offset, IoSlice both, string reservations)
    {
        int length = both.LengthBytes / 2;
        CompareResult? result = null;
        for (int repairs = 0; result is null;)
        {
            // A new one each time: one that a device has not answered in time must not be read into again.
            IoBuffer? buffer = member.Loop.Buffers.TryRent(length);
            if (buffer is null) return new CompareResult(IoStatus.NoMemory);
            result = await TryAsync(offset, both, buffer.First(length), reservations);
            buffer.Release();
            bool isDamaged = !_hasBegun && result is { } found && PeerRead.MayHelp(found.Status);
            if (isDamaged && repairs++ < MostRepairs && await MendAsync(offset, length)) result = null;
        }

        return result.Value;
    }

    // A read mends what a peer has.
    private async ValueTask<bool> MendAsync(long offset, int length)
    {
        IoBuffer? buffer = member.Loop.Buffers.TryRent(length);
        if (buffer is null) return false;
        IoStatus status = await leader.ReadAsync(offset, buffer.First(length));
        buffer.Release();
        return status == IoStatus.Ok;
    }

    /// <returns>Null if it is to be tried again.</returns>
    private async ValueTask<CompareResult?> TryAsync(
        long offset, IoSlice both, IoSlice read, string reservations)
    {
        int length = read.LengthBytes;
        if (!await leader.WaitTurnAsync(offset, length)) return new CompareResult(IoStatus.Aborted);
        bool isLoose = member.PlantedFault == PlantedFault.LooseComparison;
        WaitQueue gate = leader.Gates.Close(isLoose ? long.MaxValue - length : offset, length);
        await member.Applier!.WaitAsync(leader.Window.Last);
        IoStatus status = await member.Replica!.Volume.ReadAsync(offset, read);
        if (isLoose) await member.Loop.DelayAsync(LooseNanoseconds);
        int same = read.Span.CommonPrefixLength(both.Span[..length]);
        bool isExpected = status == IoStatus.Ok && same == length;
        Entry? entry = null;
        // Somebody else may have closed a gate too, or holds all changes by now.
        bool isChecked = reservations == member.Reservations.Text;
        if (isExpected && isChecked && leader.MayBegin(offset, length, gate))
            (status, entry) = leader.Begin(
                FrameKind.Write, offset, length, default, both.Slice(length, length));
        _hasBegun |= entry is not null;
        leader.Gates.Open(gate);
        if ((leader.IsStopped || !isChecked) && entry is null) return new CompareResult(IoStatus.Aborted);
        if (status != IoStatus.Ok) return new CompareResult(status);
        if (entry is not null) return new CompareResult(await entry.WaitAsync());
        if (isExpected) return null;
        return await leader.ConfirmAsync(offset, length) == IoStatus.Ok
            ? new CompareResult(IoStatus.Ok, same)
            : new CompareResult(IoStatus.Aborted);
    }
}
