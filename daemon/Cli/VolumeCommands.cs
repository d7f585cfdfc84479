using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor volume ...</c></summary>
internal sealed class VolumeCommands(CommandBuilder builder)
{
    public Command Build() => new("volume", "Volumes: make them, look at them, change them, go back in time")
    {
        BuildCreate(), BuildList(), BuildStatus(), BuildDestroy(), BuildResize(), BuildSet(), BuildGet(),
        BuildRename(), BuildRollback(), BuildPromote(),
        new ReplicaCommands(builder).BuildLead(), new ReplicaCommands(builder).BuildVerify(),
        new IostatCommands(builder).BuildVolume(), new IostatCommands(builder).BuildExplain(),
        new StreamCommands(builder).BuildSend(), new StreamCommands(builder).BuildReceive(),
    };

    /// <summary>Properties as a request has them, from words that were checked.</summary>
    public static Dictionary<string, string> Assignments(IEnumerable<string> texts)
    {
        Dictionary<string, string> result = [];
        foreach (string text in texts)
        {
            if (ArgumentReaders.SplitProperty(text) is { } property) result[property.Key] = property.Value;
        }
        return result;
    }

    private static int BlockBytes(long given) => given == 0 ? ArgumentReaders.DefaultBlockBytes : (int)given;

    /// <summary>A route of the API for a volume that is named as people do.</summary>
    public static string Route(string route, string name)
    {
        Names.Split(name, out string pool, out string volume);
        return Routes.Fill(route, pool, volume);
    }

    private Command BuildCreate()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<long> size = ArgumentReaders.Size(
            "Size of the LUN, such as 10G; space is taken as it is written");
        Option<long> block = ArgumentReaders.BlockSize();
        Option<string[]> properties = ArgumentReaders.Properties("Property, repeatable; see volume set");
        Option<bool> thick = new("--thick")
        {
            Description = "Reserve all space that it may take; the same as -o reservation=auto",
        };
        Command command = new(
            "create",
            "Make a volume and serve it.\n\nExample: cstor volume create -b 16K -o sync=always tank/db 100G")
        {
            builder.DryRun, block, properties, thick, name, size,
        };
        command.SetAction((parse, cancel) =>
        {
            Names.Split(parse.GetRequiredValue(name), out string pool, out string volume);
            Dictionary<string, string> assignments = Assignments(parse.GetValue(properties) ?? []);
            if (parse.GetValue(thick)) assignments["reservation"] = "auto";
            CreateVolumeRequest request = new(
                pool,
                volume,
                parse.GetRequiredValue(size),
                BlockBytes(parse.GetValue(block)),
                assignments,
                parse.GetValue(builder.DryRun));
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Volumes,
                request,
                RequestJson.Default.CreateVolumeRequest,
                cancel);
        });
        return command;
    }

    private Command BuildList()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Only the volumes of this pool");
        pool.Arity = ArgumentArity.ZeroOrOne;
        Command command = new(
            "list", "Volumes in one table.\n\nExample: cstor volume list tank") { builder.Json, pool };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Volumes + (parse.GetValue(pool) is { } name ? "?pool=" + Uri.EscapeDataString(name) : ""),
            ReplyJson.Default.VolumeViewArray,
            ReplyJson.Indented.VolumeViewArray,
            VolumePrinter.WriteList,
            cancel));
        return command;
    }

    private Command BuildStatus()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Command command = new("status", "All about one volume.\n\nExample: cstor volume status tank/db")
        {
            builder.Json, name,
        };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Route(Routes.Volume, parse.GetRequiredValue(name)),
            ReplyJson.Default.VolumeView,
            ReplyJson.Indented.VolumeView,
            VolumePrinter.WriteStatus,
            cancel));
        return command;
    }

    private Command BuildDestroy()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Option<bool> force = CommandBuilder.Force("Also while initiators are logged in");
        Option<bool> withSnapshots = new("--recursive", "-r") { Description = "With its snapshots" };
        Command command = new(
            "destroy", "Destroy a volume and all that is on it.\n\nExample: cstor volume destroy -n tank/db")
        {
            builder.DryRun, force, withSnapshots, name,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Route(Routes.VolumeDestroy, parse.GetRequiredValue(name)),
            new DestroyVolumeRequest(
                parse.GetValue(withSnapshots), parse.GetValue(force), parse.GetValue(builder.DryRun)),
            RequestJson.Default.DestroyVolumeRequest,
            cancel));
        return command;
    }

    private Command BuildRename()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<string> after = ArgumentReaders.NewVolume("The new name, in the same pool");
        Option<bool> force = CommandBuilder.Force(
            "Also while initiators are logged in: drops their sessions");
        Command command = new(
            "rename",
            "Give a volume another name. Its target gets the new name too; its identity stays."
                + "\n\nExample: cstor volume rename tank/db tank/old")
        {
            builder.DryRun, force, name, after,
        };
        command.Validators.Add(
            result => ArgumentReaders.SamePool(result, name, after, "a volume stays in its pool"));
        command.SetAction((parse, cancel) =>
        {
            Names.Split(parse.GetRequiredValue(after), out _, out string newName);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Route(Routes.VolumeRename, parse.GetRequiredValue(name)),
                new RenameVolumeRequest(newName, parse.GetValue(force), parse.GetValue(builder.DryRun)),
                RequestJson.Default.RenameVolumeRequest,
                cancel);
        });
        return command;
    }

    private Command BuildRollback()
    {
        Argument<string> snapshot = ArgumentReaders.Snapshot("The volume, and the snapshot to go back to");
        Option<bool> newer =
            new("--recursive", "-r") { Description = "Destroy the snapshots taken after it" };
        Option<bool> force = CommandBuilder.Force(
            "Also while initiators are logged in: drops their sessions. What they cached is then wrong");
        Command command = new(
            "rollback",
            "Make a volume what it was when a snapshot was taken; what was written since is lost."
                + "\n\nExample: cstor volume rollback tank/db@monday")
        {
            builder.DryRun, newer, force, snapshot,
        };
        command.SetAction((parse, cancel) =>
        {
            SnapshotNames.Split(
                parse.GetRequiredValue(snapshot), out string pool, out string volume, out string name);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Fill(Routes.VolumeRollback, pool, volume),
                new RollbackRequest(
                    name, parse.GetValue(newer), parse.GetValue(force), parse.GetValue(builder.DryRun)),
                RequestJson.Default.RollbackRequest,
                cancel);
        });
        return command;
    }

    private Command BuildPromote()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Command command = new(
            "promote",
            "Make a clone the owner of the snapshot it was made of and of those before, so that the volume "
                + "they were of can be destroyed.\n\nExample: cstor volume promote tank/new")
        {
            builder.DryRun, name,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Route(Routes.VolumePromote, parse.GetRequiredValue(name)),
            new PromoteRequest(parse.GetValue(builder.DryRun)),
            RequestJson.Default.PromoteRequest,
            cancel));
        return command;
    }

    private Command BuildResize()
    {
        Argument<string> name = ArgumentReaders.Volume();
        Argument<long> size = ArgumentReaders.Size("New size");
        Option<bool> force = CommandBuilder.Force("Shrink: what lies behind the new end is lost");
        Command command = new(
            "resize", "Grow a volume; initiators learn of it.\n\nExample: cstor volume resize tank/db 200G")
        {
            force, name, size,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Put,
            Route(Routes.VolumeSize, parse.GetRequiredValue(name)),
            new ResizeVolumeRequest(parse.GetRequiredValue(size), parse.GetValue(force)),
            RequestJson.Default.ResizeVolumeRequest,
            cancel));
        return command;
    }

    /// <summary>
    /// The volume may stand before or behind its properties: the word without an equals sign is the volume.
    /// </summary>
    private Command BuildSet()
    {
        Argument<string[]> words = new("POOL/VOL PROP=VALUE")
        {
            Description = "The volume and its new properties: " + PropertyRules.Summary,
            Arity = new ArgumentArity(1, 64),
        };
        words.Validators.Add(result =>
        {
            string[] texts = [.. result.Tokens.Select(token => token.Value)];
            string[] names = [.. texts.Where(text => !text.Contains('='))];
            if (names.Length != 1) result.AddError("name one volume, and its properties as PROP=VALUE");
            else if (Names.Split(names[0], out _, out _) is { } reason) result.AddError(reason);
            else if (texts.Length == 1)
            {
                result.AddError("nothing to set: add PROP=VALUE, such as compression=zstd");
            }
            foreach (string text in texts.Where(text => text.StartsWith('=')))
            {
                result.AddError(ArgumentReaders.PropertyError(text));
            }
        });
        Command command = new(
            "set",
            "Change properties of a volume.\n\nExample: cstor volume set tank/db compression=zstd")
        {
            words,
        };
        command.SetAction((parse, cancel) =>
        {
            string[] texts = parse.GetRequiredValue(words);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Patch,
                Route(Routes.VolumeProperties, texts.First(text => !text.Contains('='))),
                new SetPropertiesRequest(Assignments(texts.Where(text => text.Contains('=')))),
                RequestJson.Default.SetPropertiesRequest,
                cancel);
        });
        return command;
    }

    private Command BuildGet()
    {
        Argument<string[]> words = new("POOL/VOL [PROP]")
        {
            Description = "The volume, and which properties to show; all without any",
            Arity = new ArgumentArity(1, 64),
        };
        words.Validators.Add(result =>
        {
            IEnumerable<string> texts = result.Tokens.Select(token => token.Value);
            string[] names = [.. texts.Where(text => text.Contains('/'))];
            if (names.Length != 1) result.AddError("name one volume as POOL/VOL");
            else if (Names.Split(names[0], out _, out _) is { } reason) result.AddError(reason);
        });
        Command command = new(
            "get", "Properties of a volume.\n\nExample: cstor volume get tank/db compression")
        {
            builder.Json, words,
        };
        command.SetAction((parse, cancel) =>
        {
            string[] texts = parse.GetRequiredValue(words);
            string[] wanted = [.. texts.Where(text => !text.Contains('/') && text != "all")];
            return builder.ShowPartAsync(
                parse,
                Route(Routes.Volume, texts.First(text => text.Contains('/'))),
                ReplyJson.Default.VolumeView,
                volume => VolumePrinter.Select(volume, wanted),
                ReplyJson.Indented.PropertyViewArray,
                VolumePrinter.WriteProperties,
                cancel);
        });
        return command;
    }
}
