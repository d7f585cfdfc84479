using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Target;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor config check</c>: a look at a configuration before a daemon takes it.</summary>
internal sealed class ConfigCommands(CommandBuilder builder)
{
    public Command Build() => new("config", "The daemon's configuration: check") { BuildCheck() };

    private Command BuildCheck()
    {
        Argument<string> file = new("FILE") { Description = "As for cstor daemon --config" };
        Command command = new(
            "check",
            "Say what is wrong with a configuration, by line and with its remedy; exit status 1 if anything "
                + "is.\n\nExample: cstor config check /etc/cstor/cstor.conf")
        {
            file,
        };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(file);
            if (Check(path) is { } fault) return builder.Fail(fault);
            builder.Context.Out.WriteLine($"{path} is in order");
            return ExitCode.Done;
        });
        return command;
    }

    private static Fault? Check(string path)
    {
        Outcome<List<Setting>> lines = ConfigurationFile.Load(path);
        if (!lines.IsOk) return lines.Fault;
        Outcome<DaemonOptions> options = SettingReader.Read([], lines.Value);
        if (!options.IsOk) return options.Fault;
        Outcome<ChapSettings?> discovery = ChapSecrets.Read(options.Value.DiscoveryChap);
        if (!discovery.IsOk) return discovery.Fault;
        return options.Value.HttpTokenFile is { } token ? BearerToken.Read(token).Fault : null;
    }
}
