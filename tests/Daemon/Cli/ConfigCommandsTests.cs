using Cstor.Daemon.Cli;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class ConfigCommandsTests
{
    [Fact]
    public async Task A_configuration_is_checked_without_a_daemon()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.StopAsync();
        using ScratchDirectory scratch = new();
        string file = scratch["cstor.conf"];
        await File.WriteAllTextAsync(file, "log-level = debug\n");
        Assert.Equal(0, await server.RunAsync("config", "check", file));
        Assert.Equal($"{file} is in order\n", server.Out.ToString());

        await File.WriteAllTextAsync(file, "log-level = debug\ncache = lots\n");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("config", "check", file));
        Assert.Contains($"{file}:2: 'lots'", server.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Write a size such as 256M", server.Error.ToString(), StringComparison.Ordinal);

        await File.WriteAllTextAsync(file, $"http = 127.0.0.1:1\nhttp-token-file = {scratch["none"]}\n");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("config", "check", file));
        Assert.Contains("cannot read the token", server.Error.ToString(), StringComparison.Ordinal);
    }
}
