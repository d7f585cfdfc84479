using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor clone</c></summary>
internal sealed class CloneCommand(CommandBuilder builder)
{
    public Command Build()
    {
        Argument<string> snapshot = ArgumentReaders.Snapshot("What to start from");
        Argument<string> name = ArgumentReaders.NewVolume("The new volume, in the same pool");
        Option<string[]> properties = ArgumentReaders.Properties("Property, repeatable; see volume set");
        Command command = new(
            "clone",
            "Make a writable volume of a snapshot, at once and whatever the size, and serve it."
                + "\n\nExample: cstor clone -o sync=disabled tank/db@monday tank/test")
        {
            builder.DryRun, properties, snapshot, name,
        };
        command.Validators.Add(result => ArgumentReaders.SamePool(
            result, snapshot, name, "a clone is in its origin's pool"));
        command.SetAction((parse, cancel) =>
        {
            SnapshotNames.Split(
                parse.GetRequiredValue(snapshot), out string pool, out string volume, out string origin);
            Names.Split(parse.GetRequiredValue(name), out _, out string clone);
            CloneRequest request = new(
                clone,
                VolumeCommands.Assignments(parse.GetValue(properties) ?? []),
                parse.GetValue(builder.DryRun));
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Fill(Routes.SnapshotClone, pool, volume, origin),
                request,
                RequestJson.Default.CloneRequest,
                cancel);
        });
        return command;
    }
}
