using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;

namespace Cstor.Target.Replication;

/// <summary>
/// A member's attempts to lead: it canvasses, which changes nothing, then promises the next epoch to itself
/// and asks the others to. What counts is a quorum of the newest configuration that anybody has shown.
/// </summary>
internal sealed class Election(GroupMember member)
{
    private const int MostCanvasses = 6;

    private VoteRound? _round;

    public bool IsUnderWay { get; private set; }

    private string Self => member.Network.Name;

    /// <param name="consent">Where the leader has ended its term in favour of this one, or None.</param>
    public async ValueTask RunAsync(ReplicaPosition consent)
    {
        if (IsUnderWay) return;
        IsUnderWay = true;
        bool isAgreed = consent.Epoch > 0;
        ulong epoch = isAgreed ? member.Record.Promised + 1 : await CanvassAsync();
        if (epoch > 0 && member.MayLead) await AskToLeadAsync(epoch, consent);
        IsUnderWay = false;
    }

    public void OnVote(string peer, in Frame frame, IoSlice payload)
    {
        if (_round is null || frame.Request != _round.Request
            || GroupConfiguration.Parse(Encoding.UTF8.GetString(payload.Span)) is not { } configuration)
            return;
        ReplicaPosition position = new((ulong)frame.Offset, (ulong)frame.Length);
        _round.Add(new Vote(
            peer, frame.Status == 1, frame.Index, frame.Level == 1, position, configuration));
    }

    // The epoch to ask for, or 0: nobody is disturbed by a candidate that would not win.
    private async ValueTask<ulong> CanvassAsync()
    {
        GroupConfiguration known = member.Record.Configuration;
        for (int i = 0; i < MostCanvasses && member.MayLead; i++)
        {
            VoteRound round = await AskAsync(FrameKind.Canvass, member.Record.Promised + 1, known, 0);
            GroupConfiguration newest = NewestOf(round, known);
            bool isKnown = newest.VotersApart(known) == 0 && newest.Has(Self) == known.Has(Self);
            if (newest.IsNewerThan(member.Record.Configuration) && newest.Has(Self))
                if (await LearnAsync(newest) != IoStatus.Ok) return 0;
            known = newest;
            if (!isKnown) continue;
            if (!newest.Has(Self)) return await LearnRemovalAsync(round, newest);
            ulong promised = round.Votes.Select(static vote => vote.Promised).DefaultIfEmpty().Max();
            return member.IsQuiet && HasQuorum(round, newest) && MayLead(round, newest)
                ? Math.Max(member.Record.Promised, promised) + 1
                : 0;
        }

        return 0;
    }

    private async ValueTask AskToLeadAsync(ulong epoch, ReplicaPosition consent)
    {
        if (await member.PersistAsync(member.Record with { Promised = epoch }) != IoStatus.Ok) return;
        GroupConfiguration known = member.Record.Configuration;
        VoteRound promises = await AskAsync(FrameKind.Promise, epoch, known, consent.Epoch);
        GroupConfiguration newest = NewestOf(promises, member.Record.Configuration);
        bool isElected = newest.VotersApart(known) == 0 && HasQuorum(promises, newest)
            && MayLead(promises, newest);
        if (newest.IsNewerThan(member.Record.Configuration) && newest.Has(Self))
            if (await LearnAsync(newest) != IoStatus.Ok) return;
        if (!isElected || !member.MayLead || member.Record.Promised != epoch) return;
        EntryApplier applier = member.Applier!;
        bool isThere = consent.Epoch > 0 && applier.Epoch == consent.Epoch && applier.IsWhole
            && applier.Applied == consent.Index;
        member.Lead(epoch, newest, isThere ? consent : ReplicaPosition.None);
    }

    private ValueTask<IoStatus> LearnAsync(GroupConfiguration newest) =>
        member.PersistAsync(member.Record with { Configuration = newest });

    // That it is in force is sure when a quorum of its voters has recorded it, and nothing newer. A replica
    // that no leader has taken in yet is not removed by what was before.
    private async ValueTask<ulong> LearnRemovalAsync(VoteRound round, GroupConfiguration newest)
    {
        int recorded = round.Votes.Count(vote => vote.Configuration.Epoch == newest.Epoch
            && vote.Configuration.Version == newest.Version && newest.IsVoter(vote.Voter));
        if (recorded >= newest.Quorum && member.Record.Configuration.Version > 0)
            await member.BecomeRemovedAsync(newest);
        return 0;
    }

    private async ValueTask<VoteRound> AskAsync(
        FrameKind kind, ulong epoch, GroupConfiguration known, ulong consent)
    {
        string[] others = [.. known.Voters.Where(voter => voter != Self)];
        _round?.End();
        VoteRound round = _round = new VoteRound(
            member.Loop, member.NextRequest(), others, member.Timings.VoteNanoseconds, IsEnough);
        Frame question = new() { Kind = kind, Epoch = epoch, Index = consent, Request = round.Request };
        foreach (string other in others) member.Send(other, question);
        await round.Ended;
        return round;

        // One that has lost its memory may lead only if all others have.
        bool IsEnough(VoteRound asked) => member.IsClean && known.Has(Self) && HasQuorum(asked, known);
    }

    private bool HasQuorum(VoteRound round, GroupConfiguration configuration) =>
        round.Votes.Count(vote => vote.IsGiven && configuration.IsVoter(vote.Voter)) + 1
            >= member.QuorumOf(configuration);

    private static GroupConfiguration NewestOf(VoteRound round, GroupConfiguration known)
    {
        GroupConfiguration newest = known;
        foreach (Vote vote in round.Votes)
            if (vote.Configuration.IsNewerThan(newest))
                newest = vote.Configuration;
        return newest;
    }

    // In sync by the newest configuration that a quorum knows; and if unflushed writes were lost here, nobody
    // else has kept them, and nobody has flushed more.
    private bool MayLead(VoteRound round, GroupConfiguration newest)
    {
        if (member.Applier is not { Failure: IoStatus.Ok } || !newest.InSync.Contains(Self)) return false;
        if (member.IsClean) return true;
        int asked = round.Votes.Count(
            vote => newest.InSync.Contains(vote.Voter) && !vote.IsClean
                && vote.Position <= member.Replica!.Position);
        return asked == newest.InSync.Count - 1;
    }
}
