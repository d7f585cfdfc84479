using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor replica</c>: where a volume's replicas are.</summary>
internal sealed class ReplicaCommands(CommandBuilder builder)
{
    public Command Build() => new("replica", "Replicas of a volume on other nodes: add, remove, list")
    {
        BuildAdd(), BuildRemove(), BuildList(),
    };

    /// <summary><c>cstor volume lead</c></summary>
    public Command BuildLead()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<string> node = Node("Which one is to lead; its replica must be in sync");
        Command command = new(
            "lead",
            "Have another node lead a volume's replicas, as before work on the one that does. Initiators "
                + "notice nothing but a pause of milliseconds.\n\nExample: cstor volume lead tank/db node2")
        {
            name, node,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            VolumeCommands.Route(Routes.VolumeLead, parse.GetRequiredValue(name)),
            new ReplicaChangeRequest(parse.GetRequiredValue(node), "", false, false),
            RequestJson.Default.ReplicaChangeRequest,
            cancel));
        return command;
    }

    /// <summary><c>cstor volume verify</c></summary>
    public Command BuildVerify()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Command command = new(
            "verify",
            "Compare a volume's replicas by the hashes of their contents, while they are in use. One that "
                + "differs is compared block by block and mended.\n\nExample: cstor volume verify tank/db")
        {
            name,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            VolumeCommands.Route(Routes.VolumeVerify, parse.GetRequiredValue(name)),
            new ChangeRequest(false, false),
            RequestJson.Default.ChangeRequest,
            cancel));
        return command;
    }

    private static Argument<string> Node(string description) =>
        ArgumentReaders.Text("NODE", description, NodeNames.Check);

    private Command BuildAdd()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<string> place = ArgumentReaders.Text(
            "NODE/POOL",
            "A peer, and the pool there that is to hold the new replica",
            text => NodeNames.SplitPlace(text, out _, out _));
        Option<bool> force = CommandBuilder.Force(
            "Although initiators are logged in to a volume without replicas so far: their sessions are "
                + "dropped once, and come back");
        Command command = new(
            "add",
            "Give a volume one more replica. It counts once it has caught up, while the volume is in use."
                + "\n\nExample: cstor replica add tank/db node3/tank")
        {
            builder.DryRun, force, name, place,
        };
        command.SetAction((parse, cancel) =>
        {
            NodeNames.SplitPlace(parse.GetRequiredValue(place), out string node, out string pool);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                VolumeCommands.Route(Routes.VolumeReplicas, parse.GetRequiredValue(name)),
                new ReplicaChangeRequest(node, pool, parse.GetValue(force), parse.GetValue(builder.DryRun)),
                RequestJson.Default.ReplicaChangeRequest,
                cancel);
        });
        return command;
    }

    private Command BuildRemove()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<string> node = Node("Which replica: the node that it is on");
        Command command = new(
            "remove",
            "Take a replica from a volume and destroy it, also one that is lost for good. To replace or move "
                + "one, add the new one and remove the old.\n\nExample: cstor replica remove tank/db node2")
        {
            builder.DryRun, name, node,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            VolumeCommands.Route(Routes.VolumeReplicasRemove, parse.GetRequiredValue(name)),
            new ReplicaChangeRequest(
                parse.GetRequiredValue(node), "", false, parse.GetValue(builder.DryRun)),
            RequestJson.Default.ReplicaChangeRequest,
            cancel));
        return command;
    }

    private Command BuildList()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Command command = new(
            "list",
            "Where a volume's replicas are and how they stand.\n\nExample: cstor replica list tank/db")
        {
            builder.Json, name,
        };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            VolumeCommands.Route(Routes.VolumeReplicas, parse.GetRequiredValue(name)),
            ReplyJson.Default.ReplicationView,
            ReplyJson.Indented.ReplicationView,
            ReplicationPrinter.WriteReplicas,
            cancel));
        return command;
    }
}
