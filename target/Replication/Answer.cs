using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>What a peer answered.</summary>
/// <param name="Status">Closed if it never will.</param>
/// <param name="Frame">Its head.</param>
/// <param name="Payload">Its payload.</param>
internal readonly record struct Answer(IoStatus Status, Frame Frame, byte[] Payload)
{
    public static Answer None => new(IoStatus.Closed, default, []);

    public bool IsOk => Status == IoStatus.Ok;
}
