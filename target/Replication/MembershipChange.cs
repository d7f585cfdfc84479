using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>A change of who belongs to a group, and somebody who waits for it.</summary>
/// <param name="apply">
/// What becomes of the configuration in force, whose in-sync set has only who is trusted at the moment.
/// </param>
internal sealed class MembershipChange(Func<GroupConfiguration, Outcome<GroupConfiguration>> apply)
{
    private readonly TaskCompletionSource<Fault?> _done = new();

    /// <summary>Completes when it is in force, or with why it never will be.</summary>
    public Task<Fault?> Done => _done.Task;

    public Outcome<GroupConfiguration> Apply(GroupConfiguration from) => apply(from);

    public void End(Fault? fault) => _done.TrySetResult(fault);

    /// <summary>Takes a replica in, without a vote until it has caught up.</summary>
    public static MembershipChange Adding(ReplicaPlace place) => new(from =>
    {
        if (from.Has(place.Node))
            return new Fault("replica-exists", $"{place.Node} belongs to the group already");
        GroupConfiguration next = from.With(place);
        return next.Validate() is { } reason ? new Fault("replica-refused", reason) : next;
    });

    /// <summary>Takes a witness in, or the one that there is out: voters change one at a time.</summary>
    /// <param name="node">Which; empty for none.</param>
    public static MembershipChange Witness(string node) => new(known =>
    {
        if (node.Length > 0 && known.Witness.Length > 0)
            return new Fault(
                "witness-exists", $"{known.Witness} is the witness already", "Take it out first");
        if (node.Length == 0 && known.Witness.Length == 0)
            return new Fault("witness-unknown", "the group has no witness");
        GroupConfiguration next = known with { Witness = node };
        if (next.Validate() is { } reason) return new Fault("witness-refused", reason);
        if (next.InSync.Count < Math.Min(next.MinimumCopies, next.Replicas.Count))
            return new Fault("replica-needed",
                $"without a witness, {next.InSync.Count} replicas would be in sync where "
                    + $"{next.MinimumCopies} must be", "Wait until the others have caught up");
        return next;
    });

    /// <summary>Takes a replica out.</summary>
    /// <param name="node">Where it is.</param>
    /// <param name="leader">Node that leads.</param>
    public static MembershipChange Removing(string node, string leader) => new(from =>
    {
        if (from.PlaceOf(node) is not { } place)
            return new Fault("replica-unknown", $"no replica of the group is on {node}");
        if (from.Places.Count == 1)
            return new Fault("replica-last", $"the replica on {node} is the last one", "Destroy the volume");
        if (node == leader)
            return new Fault("replica-leads", $"{node} leads", "Hand over first: cstor volume lead");
        GroupConfiguration next = from.Without(node);
        if (!place.IsJoining && next.InSync.Count < next.MinimumCopies)
            return new Fault("replica-needed",
                $"without {node}, {next.InSync.Count} replicas would be in sync where {next.MinimumCopies} "
                    + "must be", "Wait until the others have caught up");
        return next;
    });
}
