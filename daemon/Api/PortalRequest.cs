namespace Cstor.Daemon.Api;

/// <param name="Portal"><c>ADDR:PORT</c> or <c>ADDR:PORT,TAG</c>.</param>
internal sealed record PortalRequest(string Portal);
