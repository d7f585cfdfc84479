namespace Cstor.Daemon.Api;

/// <summary>A line of <c>snapshot holds</c>.</summary>
internal sealed record HoldView(string Snapshot, string Tag);
