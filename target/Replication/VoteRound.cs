using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>One question of a candidate to all other voters, and the answers that came in time.</summary>
internal sealed class VoteRound
{
    private readonly TaskCompletionSource _ended = new();
    private readonly ILoopTimer _timer;
    private readonly Func<VoteRound, bool> _isEnough;
    private readonly Dictionary<string, Vote> _votes = new(StringComparer.Ordinal);

    /// <param name="loop">Where it lives.</param>
    /// <param name="request">Pairs the answers with it.</param>
    /// <param name="asked">Who may answer.</param>
    /// <param name="patienceNanoseconds">How long that may take.</param>
    /// <param name="isEnough">More answers would change nothing.</param>
    public VoteRound(
        ILoop loop, ulong request, IReadOnlyList<string> asked, long patienceNanoseconds,
        Func<VoteRound, bool> isEnough)
    {
        Request = request;
        Asked = asked;
        _isEnough = isEnough;
        _timer = loop.CreateTimer(End);
        if (asked.Count == 0) End();
        else _timer.Start(patienceNanoseconds);
    }

    public ulong Request { get; }

    public IReadOnlyList<string> Asked { get; }

    public IReadOnlyCollection<Vote> Votes => _votes.Values;

    /// <summary>Completes when enough or all have answered, or the time is over.</summary>
    public Task Ended => _ended.Task;

    public void Add(Vote vote)
    {
        if (_ended.Task.IsCompleted || !Asked.Contains(vote.Voter)) return;
        _votes[vote.Voter] = vote;
        if (_votes.Count == Asked.Count || _isEnough(this)) End();
    }

    /// <summary>No more answers count.</summary>
    public void End()
    {
        _timer.Stop();
        _ended.TrySetResult();
    }
}
