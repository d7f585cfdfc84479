namespace Cstor.Daemon.Api;

/// <param name="Properties">New values; the empty text goes back to the default.</param>
internal sealed record SetPropertiesRequest(Dictionary<string, string> Properties);
