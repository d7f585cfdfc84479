using System.Globalization;

namespace Cstor.Target.Replication;

/// <summary>
/// Who belongs to a group, and which replicas hold everything that was acknowledged. A change is in force
/// once a quorum of voters has recorded it, and is ordered by epoch and version.
/// </summary>
/// <param name="Epoch">Lease epoch of the leader that proposed it.</param>
/// <param name="Version">Grows by one with each change.</param>
/// <param name="Places">Where the replicas are, 1 to 7; one of them at least is not joining.</param>
/// <param name="Witness">A node that votes and holds no data, or empty.</param>
/// <param name="InSync">Replicas that every acknowledged write waited for.</param>
public sealed record GroupConfiguration(
    ulong Epoch, ulong Version, IReadOnlyList<ReplicaPlace> Places, string Witness,
    IReadOnlyList<string> InSync)
{
    public const int MaximumReplicas = 7;

    /// <summary>Nodes with a replica that votes.</summary>
    public IReadOnlyList<string> Replicas =>
        [.. Places.Where(static place => !place.IsJoining).Select(static place => place.Node)];

    /// <summary>Nodes with a vote.</summary>
    public IReadOnlyList<string> Voters => Witness.Length == 0 ? Replicas : [.. Replicas, Witness];

    /// <summary>Votes that decide: any two such sets have a voter in common.</summary>
    public int Quorum => (VoterCount / 2) + 1;

    private int VoterCount
    {
        get
        {
            int count = Witness.Length == 0 ? 0 : 1;
            for (int i = 0; i < Places.Count; i++)
                if (!Places[i].IsJoining)
                    count++;
            return count;
        }
    }

    /// <summary>
    /// Replicas that must hold a write before it is acknowledged: with a witness's vote one fewer than a
    /// quorum.
    /// </summary>
    public int MinimumCopies => Math.Max(1, Witness.Length == 0 ? Quorum : Quorum - 1);

    /// <summary>The node has a vote.</summary>
    public bool IsVoter(string node)
    {
        for (int i = 0; i < Places.Count; i++)
            if (!Places[i].IsJoining && Places[i].Node == node)
                return true;
        return Witness.Length > 0 && Witness == node;
    }

    /// <summary>The node belongs to the group, whether it votes or not.</summary>
    public bool Has(string node) => Witness == node || PlaceOf(node) is not null;

    /// <summary>The node's replica, or null.</summary>
    public ReplicaPlace? PlaceOf(string node)
    {
        for (int i = 0; i < Places.Count; i++)
            if (Places[i].Node == node)
                return Places[i];
        return null;
    }

    /// <summary>The same with one more replica, which has yet to catch up and has no vote.</summary>
    public GroupConfiguration With(ReplicaPlace place) =>
        this with { Places = [.. Places, place with { IsJoining = true }] };

    /// <summary>
    /// The same for the first record of a replica that is about to be added: older than all that a leader
    /// proposes.
    /// </summary>
    public GroupConfiguration ForJoining(ReplicaPlace place) => With(place) with { Epoch = 0, Version = 0 };

    /// <summary>The same for the first record of a witness that is about to be added.</summary>
    public GroupConfiguration ForWitness(string node) => this with
    {
        Epoch = 0,
        Version = 0,
        Witness = node,
    };

    /// <summary>The same with the vote of a replica that has caught up.</summary>
    public GroupConfiguration WithVoter(string node) => this with
    {
        Places = [.. Places.Select(place => place.Node == node ? place with { IsJoining = false } : place)],
    };

    /// <summary>The same without a replica.</summary>
    public GroupConfiguration Without(string node) => this with
    {
        Places = [.. Places.Where(place => place.Node != node)],
        InSync = [.. InSync.Where(name => name != node)],
    };

    /// <summary>Voters of one of both and not of the other.</summary>
    public int VotersApart(GroupConfiguration other) =>
        Voters.Count(voter => !other.IsVoter(voter)) + other.Voters.Count(voter => !IsVoter(voter));

    public bool IsNewerThan(GroupConfiguration other) =>
        Epoch != other.Epoch ? Epoch > other.Epoch : Version > other.Version;

    /// <summary>Reads what <see cref="ToString"/> wrote; null if it makes no sense.</summary>
    public static GroupConfiguration? Parse(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length != 5 || !TryNumber(parts[0], out ulong epoch)
            || !TryNumber(parts[1], out ulong version))
            return null;
        ReplicaPlace[] places = [.. Names(parts[2]).Select(ReplicaPlace.Parse).OfType<ReplicaPlace>()];
        GroupConfiguration read = new(epoch, version, places, parts[3], Names(parts[4]));
        return places.Length == Names(parts[2]).Length && read.Validate() is null ? read : null;
    }

    /// <summary>Why it makes no sense, or null.</summary>
    public string? Validate()
    {
        if (Places.Count is < 1 or > MaximumReplicas) return $"a group has 1 to {MaximumReplicas} replicas";
        string[] nodes = [.. Places.Select(static place => place.Node)];
        if (nodes.Distinct().Count() != nodes.Length) return "two replicas are on one node";
        if (nodes.Contains(Witness)) return "the witness has a replica";
        if (Places.Select(static place => place.Port).Distinct().Count() != nodes.Length)
            return "two replicas have one port";
        if (InSync.Distinct().Count() != InSync.Count || InSync.Any(node => !Replicas.Contains(node)))
            return "what is in sync is no replica";
        return InSync.Count == 0 ? "no replica is in sync" : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Epoch}/{Version}/{string.Join(',', Places)}/{Witness}/{string.Join(',', InSync)}");

    private static string[] Names(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static bool TryNumber(string text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
