using System.Globalization;

namespace Cstor.Target.Replication;

/// <summary>
/// Who belongs to a group, and which replicas hold everything that was acknowledged. A change is in force
/// once a quorum of voters has recorded it, and is ordered by epoch and version.
/// </summary>
/// <param name="Epoch">Lease epoch of the leader that proposed it.</param>
/// <param name="Version">Grows by one with each change.</param>
/// <param name="Replicas">Nodes with a replica, 1 to 7.</param>
/// <param name="Witness">A node that votes and holds no data, or empty.</param>
/// <param name="InSync">Replicas that every acknowledged write waited for.</param>
public sealed record GroupConfiguration(
    ulong Epoch, ulong Version, IReadOnlyList<string> Replicas, string Witness, IReadOnlyList<string> InSync)
{
    public const int MaximumReplicas = 7;

    /// <summary>Nodes with a vote.</summary>
    public IReadOnlyList<string> Voters => Witness.Length == 0 ? Replicas : [.. Replicas, Witness];

    /// <summary>Votes that decide: any two such sets have a voter in common.</summary>
    public int Quorum => (Voters.Count / 2) + 1;

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
        string[] replicas = Names(parts[2]);
        string[] inSync = Names(parts[4]);
        bool isRight = replicas.Length is >= 1 and <= MaximumReplicas && inSync.Length >= 1
            && replicas.Distinct().Count() == replicas.Length && !replicas.Contains(parts[3])
            && inSync.Distinct().Count() == inSync.Length && inSync.All(replicas.Contains);
        return isRight ? new GroupConfiguration(epoch, version, replicas, parts[3], inSync) : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Epoch}/{Version}/{string.Join(',', Replicas)}/{Witness}/{string.Join(',', InSync)}");

    private static string[] Names(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static bool TryNumber(string text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
