using Cstor.Target;

namespace Cstor.Daemon.Api;

/// <param name="Name">iSCSI name.</param>
/// <param name="Volume">What LUN 0 is.</param>
/// <param name="SizeBytes">Size of LUN 0.</param>
/// <param name="Portals">Addresses it is served on.</param>
/// <param name="Authentication"><c>none</c>, <c>chap</c> or <c>mutual chap</c>.</param>
/// <param name="Redirect">Where logins are sent instead, or empty.</param>
/// <param name="Logins">Sessions begun since the target is served.</param>
/// <param name="LoginFailures">Logins refused since.</param>
/// <param name="Counters">What all sessions did since.</param>
/// <param name="Units">The same by logical unit.</param>
/// <param name="Sessions">Who is logged in.</param>
internal sealed record TargetView(
    string Name,
    string Volume,
    long SizeBytes,
    string[] Portals,
    string Authentication,
    string Redirect,
    long Logins,
    long LoginFailures,
    IoCounters Counters,
    UnitCounters[] Units,
    SessionView[] Sessions);
