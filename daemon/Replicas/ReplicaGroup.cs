using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Replicas;

/// <summary>A replica of this node with its part in its group. On the loop.</summary>
internal sealed class ReplicaGroup(Pool pool, Volume volume, GroupMember member)
{
    public Pool Pool => pool;

    public Volume Volume => volume;

    public GroupMember Member => member;

    /// <summary>The volume as initiators are served it.</summary>
    public ReplicatedVolume Served { get; } = new(member, volume);

    /// <summary>Of the volume, as initiators were told last.</summary>
    public long ToldSizeBytes { get; set; } = volume.SizeBytes;

    /// <summary>Ends when it is served by the newest properties that a leader has sent.</summary>
    public Task Serving { get; set; } = Task.CompletedTask;

    /// <summary>When the member was in touch last, by the loop's clock.</summary>
    public long InTouchNanoseconds { get; set; }

    /// <summary>Nobody is served here, as the member has been out of touch for too long.</summary>
    public bool IsSuspended { get; set; }

    /// <summary>The port of this node; 0 if it is no member.</summary>
    public ushort Port => member.Record.Configuration.Places
        .FirstOrDefault(place => place.Node == member.NodeName)?.Port ?? 0;

    /// <summary>The unit's ports on all nodes, as far as this one knows who leads.</summary>
    public TargetPort[] Ports =>
    [
        .. member.Record.Configuration.Places.Where(static place => !place.IsJoining)
            .Select(place => new TargetPort(place.Port, place.Node == member.LeaderName)),
    ];
}
