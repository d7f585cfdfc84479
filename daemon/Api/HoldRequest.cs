namespace Cstor.Daemon.Api;

/// <param name="Tag">Who holds the snapshot, or lets it go.</param>
internal sealed record HoldRequest(string Tag);
