using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>Changes of properties at the leader, in the order in which they come.</summary>
internal sealed class LeaderProperties(GroupMember member, LeaderPart leader)
{
    /// <summary>All of them, as they will be once what was begun is applied.</summary>
    public SortedDictionary<string, string> Newest { get; private set; } = [];

    /// <summary>Goes on with what this replica has.</summary>
    public void Start() => Newest = member.Properties.Current;

    /// <summary>Changes some; the empty text takes one away.</summary>
    /// <returns>Aborted or NoSpace if nothing was done, NotLeader if nobody knows.</returns>
    public async ValueTask<IoStatus> ChangeAsync(IEnumerable<KeyValuePair<string, string>> changes)
    {
        if (!await leader.WaitTurnAsync(0, 0)) return IoStatus.Aborted;
        SortedDictionary<string, string> next = new(Newest, StringComparer.Ordinal);
        foreach ((string name, string value) in changes)
        {
            if (value.Length > 0) next[name] = value;
            else next.Remove(name);
        }

        // Beside what others began meanwhile: one that does not fit would fail on all replicas.
        if (!member.Properties.Fits(next, member.Reservations.Text)) return IoStatus.NoSpace;
        (IoStatus status, Entry? entry) = Begin(next);
        if (entry is null) return status;
        Newest = next;
        return await entry.WaitAsync();
    }

    /// <summary>Tells all replicas again, for one that may have missed it.</summary>
    /// <returns>False if that cannot be done.</returns>
    public bool Reissue() => Begin(Newest).Status == IoStatus.Ok;

    private (IoStatus Status, Entry? Entry) Begin(SortedDictionary<string, string> properties) =>
        leader.Begin(FrameKind.Properties, 0, 0, GroupProperties.PayloadOf(properties), default);
}
