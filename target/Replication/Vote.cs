using Cstor.Engine.Replicas;

namespace Cstor.Target.Replication;

/// <summary>What a voter answers a candidate.</summary>
/// <param name="Voter">Its node.</param>
/// <param name="IsGiven">It promises, or would.</param>
/// <param name="Promised">Highest epoch that it has promised.</param>
/// <param name="IsClean">Its replica holds all that it ever acknowledged.</param>
/// <param name="Position">How far its replica has come for sure.</param>
/// <param name="Configuration">The newest that it has recorded.</param>
internal readonly record struct Vote(
    string Voter, bool IsGiven, ulong Promised, bool IsClean, ReplicaPosition Position,
    GroupConfiguration Configuration);
