using System.CommandLine;
using System.CommandLine.Parsing;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Service;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor daemon</c>: every flag but <c>--config</c> is a setting that the configuration file may hold too.
/// </summary>
internal static class DaemonCommand
{
    public static Command Build(CliContext context, Option<string> socket)
    {
        Option<string> config =
            new("--config") { Description = "Settings as lines KEY = VALUE; flags win", HelpName = "FILE" };
        Option<string[]>[] flags =
        [
            Flag("--state-dir", "DIR", "What the daemon remembers between runs; default /var/lib/cstor"),
            Flag(
                "--iscsi",
                "ADDR:PORT[,TAG]",
                "Portal to serve volumes on, and the tag of its portal group, 1 without; repeatable; "
                    + "default 0.0.0.0:3260"),
            Flag("--discovery-chap-user", "NAME", "Only who proves to be NAME may discover targets"),
            Flag("--discovery-chap-secret-file", "FILE", "Holds that user's secret of 12 to 64 characters"),
            Flag("--discovery-mutual-chap-user", "NAME", "As whom discovery proves itself in return"),
            Flag("--discovery-mutual-chap-secret-file", "FILE", "Holds the secret for that"),
            Flag(
                "--initiator-timeout",
                "SECONDS",
                "An initiator silent for so long is asked for a sign of life, and dropped when none comes "
                    + "for as long again; default 15"),
            Flag("--node", "NAME", "What this node is called among its peers; default the host's name"),
            Flag(
                "--peer",
                "ADDR:PORT",
                "Where peers reach this node, for volumes with replicas; default none; port 3270 without"),
            Flag("--peer-key-file", "FILE", "Holds the key that all peers share, 16 characters or more"),
            Flag(
                "--peer-encryption", "on|off",
                "Whether what peers send each other is encrypted; the same on all nodes; default on"),
            Flag("--http", "ADDR:PORT", "Health check over TCP, with a token metrics and all; default none"),
            Flag("--http-token-file", "FILE", "Holds the token that requests over TCP must carry"),
            Flag("--cache", "SIZE", "Memory for blocks that were read; default an eighth, at most 4G"),
            Flag(
                "--device-timeout",
                "SECONDS",
                "When a device that does not answer counts as hanging; default 10"),
            Flag("--log-level", "LEVEL", "trace, debug, info, warn or error; default info"),
            Flag("--null-volume", "NAME:SIZE", "A target that discards writes, for measurements"),
        ];
        flags[^1].Hidden = true;
        Command command = new(
            "daemon",
            "Serve pools until stopped by SIGTERM or SIGINT; SIGHUP reads the configuration again.\n\n"
                + "Example: cstor daemon --state-dir /var/lib/cstor --iscsi 0.0.0.0:3260")
        {
            config,
        };
        foreach (Option<string[]> flag in flags) command.Add(flag);
        command.SetAction(async (parse, cancel) =>
        {
            Outcome<DaemonOptions> options = Read();
            Fault? fault = options.IsOk
                ? await DaemonProcess.RunAsync(options.Value, Read, context.Out, cancel)
                : options.Fault;
            if (fault is null) return ExitCode.Done;
            await context.Error.WriteLineAsync($"cstor: {fault}");
            return ExitCode.Failed;

            Outcome<DaemonOptions> Read() => ReadOptions(parse, config, flags, socket);
        });
        return command;
    }

    private static Outcome<DaemonOptions> ReadOptions(
        ParseResult parse, Option<string> config, Option<string[]>[] flags, Option<string> socket)
    {
        List<Setting> given = [];
        foreach (Option<string[]> flag in flags)
        {
            foreach (string value in parse.GetValue(flag) ?? []) given.Add(SettingOf(flag, value));
        }
        // The environment counts as a flag: it is nearer than a file.
        string path = parse.GetRequiredValue(socket);
        bool isGiven = parse.GetResult(socket) is { Implicit: false } || path != CliContext.DefaultSocket;
        if (isGiven) given.Add(new Setting("socket", path, socket.Name));
        if (parse.GetValue(config) is not { } file) return SettingReader.Read(given, []);
        Outcome<List<Setting>> lines = ConfigurationFile.Load(file);
        return lines.IsOk ? SettingReader.Read(given, lines.Value) : lines.Fault;
    }

    private static Option<string[]> Flag(string name, string value, string description)
    {
        Option<string[]> option = new(name) { Description = description, HelpName = value };
        option.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens)
            {
                if (SettingReader.Check(SettingOf(option, token.Value)) is { } fault)
                {
                    result.AddError(fault.ToString());
                }
            }
        });
        return option;
    }

    private static Setting SettingOf(Option<string[]> flag, string value) =>
        new(flag.Name.TrimStart('-'), value, flag.Name);
}
