namespace Cstor.Daemon.Api;

/// <param name="Initiator">iSCSI name of the initiator.</param>
/// <param name="Address">Where it comes from.</param>
internal sealed record SessionView(string Initiator, string Address);
