namespace Cstor.Engine.Replicas;

/// <summary>
/// How far a replica has come: it holds every entry of its group up to this one.
/// </summary>
/// <param name="Epoch">Lease epoch of the leader that the entry is from; 0 says nothing.</param>
/// <param name="Index">Number of the entry.</param>
public readonly record struct ReplicaPosition(ulong Epoch, ulong Index) : IComparable<ReplicaPosition>
{
    /// <summary>Nothing is known of what the replica holds.</summary>
    public static ReplicaPosition None => default;

    public static bool operator <(ReplicaPosition left, ReplicaPosition right) => left.CompareTo(right) < 0;

    public static bool operator >(ReplicaPosition left, ReplicaPosition right) => left.CompareTo(right) > 0;

    public static bool operator <=(ReplicaPosition left, ReplicaPosition right) =>
        left.CompareTo(right) <= 0;

    public static bool operator >=(ReplicaPosition left, ReplicaPosition right) =>
        left.CompareTo(right) >= 0;

    public int CompareTo(ReplicaPosition other) =>
        Epoch != other.Epoch ? Epoch.CompareTo(other.Epoch) : Index.CompareTo(other.Index);

    public override string ToString() => $"{Epoch}.{Index}";
}
