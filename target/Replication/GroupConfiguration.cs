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
            foreach (ReplicaPlace place in Places)
                if (!place.IsJoining)
                    count++;
            return count;
        }
    }

    /// <summary>
    /// Replicas that must hold a write before it is acknowledged: with a witness's vote one fewer than a
    /// quorum.
    /// </summary>
    public int MinimumCopies => Math.Max(1, Witness.Length == 0 ? Quorum : Quorum - 1);

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
