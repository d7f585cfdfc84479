using Cstor.Engine.Volumes;

namespace Cstor.Target;

/// <summary>One target: a name, the volume behind its LUN 0, and who may use it.</summary>
/// <param name="Iqn">iSCSI name, lower case: <c>iqn.2026-11.io.cstor:tank.db</c>.</param>
/// <param name="Volume">The volume behind LUN 0.</param>
/// <param name="Chap">Authentication, or null for none.</param>
/// <param name="AllowedInitiators">Initiator names that may see and use it; null or empty for all.</param>
/// <param name="LogicalBlockBytes">512 or 4096; null for the server's default.</param>
/// <param name="Redirection">Where logins are sent instead, or null to serve them here.</param>
/// <param name="Limits">What it may be asked for in a second; null for whatever comes.</param>
/// <param name="SharedPool">Name of what it shares with other targets; null if it shares nothing.</param>
/// <param name="SharedDevices">Devices of that, each of which has work for some commands at once.</param>
/// <param name="Share">Its weight among them while they want more than there is; 1 or more.</param>
public sealed record TargetDefinition(
    string Iqn,
    IBlockVolume Volume,
    ChapSettings? Chap = null,
    IReadOnlyList<string>? AllowedInitiators = null,
    int? LogicalBlockBytes = null,
    Redirection? Redirection = null,
    RateLimits? Limits = null,
    string? SharedPool = null,
    int SharedDevices = 1,
    int Share = TargetDefinition.DefaultShare)
{
    public const int DefaultShare = 100;
}
