namespace Cstor.Daemon.Api;

/// <summary>A line of <c>volume get</c>.</summary>
internal sealed record PropertyView(string Volume, string Name, string Value);
