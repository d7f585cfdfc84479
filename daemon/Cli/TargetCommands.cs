using System.CommandLine;
using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor target</c>: who is served, where, and how it goes.</summary>
internal sealed class TargetCommands(CommandBuilder builder)
{
    public Command Build() => new("target", "iSCSI targets and portals: list, portal")
    {
        BuildList(),
        new Command("portal", "Where volumes are served: add, remove")
        {
            BuildPortal(
                "add",
                Routes.Portals,
                "Serve all volumes on one more portal, until the daemon ends; sessions go on.\n\n"
                    + "Example: cstor target portal add [2001:db8::5]:3260"),
            BuildPortal(
                "remove",
                Routes.PortalsRemove,
                "Take no more logins on a portal; its sessions go on.\n\n"
                    + "Example: cstor target portal remove 10.0.0.5:3260"),
        },
    };

    private Command BuildList()
    {
        Option<bool> verbose = new("--verbose", "-v") { Description = "Every session, and what it did" };
        Command list = new(
            "list", "iSCSI targets with who is logged in.\n\nExample: cstor target list -v")
        {
            verbose,
            builder.Json,
        };
        list.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Targets,
            ReplyJson.Default.TargetViewArray,
            ReplyJson.Indented.TargetViewArray,
            parse.GetValue(verbose) ? TargetPrinter.WriteVerbosely : TargetPrinter.Write,
            cancel));
        return list;
    }

    private Command BuildPortal(string verb, string route, string description)
    {
        Argument<string> portal = new("ADDR:PORT[,TAG]")
        {
            Description = "Address, IPv6 in brackets; port, 3260 without; portal group tag, 1 without",
        };
        portal.Validators.Add(result =>
        {
            Outcome<PortalText> read = PortalText.Parse(result.GetValueOrDefault<string>());
            if (!read.IsOk) result.AddError(string.Create(CultureInfo.InvariantCulture, $"{read.Fault}"));
        });
        Command command = new(verb, description) { portal };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            route,
            new PortalRequest(parse.GetRequiredValue(portal)),
            RequestJson.Default.PortalRequest,
            cancel));
        return command;
    }
}
