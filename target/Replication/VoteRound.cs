using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>One question of a candidate to all other voters, and the answers that came in time.</summary>
internal sealed class VoteRound
{
    private readonly TaskCompletionSource _ended = new();
    private readonly ILoopTimer _timer;
    private readonly int _voters;
    private readonly Dictionary<string, Vote> _votes = new(StringComparer.Ordinal);

    public VoteRound(ILoop loop, ulong request, int voters, long patienceNanoseconds)
    {
        Request = request;
        _voters = voters;
        _timer = loop.CreateTimer(End);
        if (voters == 0) End();
        else _timer.Start(patienceNanoseconds);
    }

    public ulong Request { get; }

    public IReadOnlyCollection<Vote> Votes => _votes.Values;

    /// <summary>Completes when all have answered, or the time is over.</summary>
    public Task Ended => _ended.Task;

    public void Add(Vote vote)
    {
        _votes[vote.Voter] = vote;
        if (_votes.Count == _voters) End();
    }

    /// <summary>No more answers count.</summary>
    public void End()
    {
        _timer.Stop();
        _ended.TrySetResult();
    }
}
