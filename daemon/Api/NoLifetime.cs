using Microsoft.Extensions.Hosting;

namespace Cstor.Daemon.Api;

/// <summary>Signals are the daemon's: the web server neither listens to them nor ends the process.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
