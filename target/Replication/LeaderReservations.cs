using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// Changes of reservations at the leader. Each is an entry that waits for all before it on every replica:
/// when it is acknowledged, what was asked for under the text before has taken effect everywhere, or never
/// will.
/// </summary>
internal sealed class LeaderReservations(GroupMember member, LeaderPart leader)
{
    private Entry? _newest;

    private GroupReservations Known => member.Reservations;

    /// <summary>The term begins with what this node knows: it was in sync.</summary>
    public void Start()
    {
        Known.TrySet(leader.Epoch, 1, Known.Text);
        Known.Changed("");
    }

    /// <summary>Completes with Ok when what is known here has been acknowledged and is the newest.</summary>
    public async ValueTask<IoStatus> ConfirmAsync()
    {
        IoStatus status = IoStatus.NotLeader;
        while (await leader.WaitServingAsync())
        {
            if (_newest is { } newest && await newest.WaitAsync() != IoStatus.Ok) return IoStatus.NotLeader;
            // Of no range: it waits for the lease alone.
            status = await leader.ConfirmAsync(0, 0);
            if (status != IoStatus.Ok || _newest is not { IsEnded: false }) break;
        }

        return status;
    }

    /// <summary>Changes them; Aborted is what certainly had no effect, and NotLeader what may have had.
    /// </summary>
    public async ValueTask<CompareResult> ChangeAsync(string before, string after, string notices)
    {
        if (!await leader.WaitTurnAsync(0, 0)) return new CompareResult(IoStatus.Aborted);
        if (Known.Text != before)
        {
            // What is known here may not be acknowledged yet, and end with this term.
            bool isSure = await ConfirmAsync() == IoStatus.Ok && Known.Text != before;
            return isSure ? new CompareResult(IoStatus.Ok, 0) : new CompareResult(IoStatus.Aborted);
        }

        bool hasRoom = Encoding.UTF8.GetByteCount(after) <= Known.MaximumBytes
            && member.Properties.Fits(leader.Properties.Newest, after);
        if (!hasRoom) return new CompareResult(IoStatus.NoSpace);
        int version = Known.VersionIn(leader.Epoch) + 1;
        Known.TrySet(leader.Epoch, version, after);
        if (member.PlantedFault == PlantedFault.OwnReservations) return new CompareResult(IoStatus.Ok);
        (IoStatus status, Entry? entry) = Issue(notices);
        // What nobody else has heard of was never so; the number is not used again.
        if (entry is null) Known.TakeBack(before);
        else Known.Changed(notices);
        return new CompareResult(entry is null ? status : await entry.WaitAsync());
    }

    /// <summary>Tells all replicas again, for one that may have missed it.</summary>
    /// <returns>False if that cannot be done.</returns>
    public bool Reissue() => Issue("").Status == IoStatus.Ok;

    private (IoStatus Status, Entry? Entry) Issue(string notices)
    {
        byte[] payload = GroupReservations.PayloadOf(Known.Text, notices);
        (IoStatus Status, Entry? Entry) begun = leader.Begin(
            FrameKind.Reservations, Known.VersionIn(leader.Epoch), 0, payload, default);
        _newest = begun.Entry ?? _newest;
        return begun;
    }
}
