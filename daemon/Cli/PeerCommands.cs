using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor peer</c>: the nodes that hold replicas for each other.</summary>
internal sealed class PeerCommands(CommandBuilder builder)
{
    public Command Build() => new("peer", "Nodes that hold replicas for each other: add, remove, list")
    {
        BuildAdd(), BuildRemove(), BuildList(),
    };

    private static Argument<string> Node() =>
        ArgumentReaders.Text("NODE", "What the peer is called by its own --node", NodeNames.Check);

    private Command BuildAdd()
    {
        Argument<string> name = Node();
        Argument<string> address = ArgumentReaders.Text(
            "ADDR:PORT",
            "Where it listens for peers: its --peer",
            text => EndPointText.Parse(text, DaemonOptions.DefaultPeerPort) is null
                ? $"'{text}' is no ADDR:PORT, such as 10.0.0.6:3270"
                : null);
        Command command = new(
            "add",
            "Name a peer, or say that it is elsewhere now. Do the same there; both daemons must have the "
                + "same key.\n\nExample: cstor peer add node2 10.0.0.6:3270")
        {
            name, address,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Peers,
            new PeerChangeRequest(parse.GetRequiredValue(name), parse.GetRequiredValue(address)),
            RequestJson.Default.PeerChangeRequest,
            cancel));
        return command;
    }

    private Command BuildRemove()
    {
        Argument<string> name = Node();
        Command command = new(
            "remove",
            "Have nothing to do with a peer any more; it must have no replica of a volume that is here."
                + "\n\nExample: cstor peer remove node2")
        {
            name,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.PeersRemove,
            new PeerChangeRequest(parse.GetRequiredValue(name), ""),
            RequestJson.Default.PeerChangeRequest,
            cancel));
        return command;
    }

    private Command BuildList()
    {
        Command command = new("list", "This node and its peers.\n\nExample: cstor peer list")
        {
            builder.Json,
        };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Peers,
            ReplyJson.Default.PeerViewArray,
            ReplyJson.Indented.PeerViewArray,
            ReplicationPrinter.WritePeers,
            cancel));
        return command;
    }
}
