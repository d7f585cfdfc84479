using System.CommandLine;
using System.CommandLine.Parsing;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor snapshot ...</c>: takes snapshots where a snapshot follows, and does with them what a verb says.
/// A verb has no slash, a snapshot always one.
/// </summary>
internal sealed class SnapshotCommands(CommandBuilder builder)
{
    public Command Build()
    {
        Argument<string[]> snapshots = ArgumentReaders.Snapshots(
            "what to take, or one of the verbs");
        // The help would show it with every verb below, as if both were to be typed.
        snapshots.Hidden = true;
        Command command = new(
            "snapshot",
            "cstor snapshot POOL/VOL@SNAP... takes snapshots, at once and whatever the size; the verbs below "
                + "look after them. Several volumes of a pool under one name are taken at one instant."
                + "\n\nExample: cstor snapshot tank/db@monday"
                + "\nExample: cstor snapshot tank/db@backup tank/log@backup")
        {
            builder.DryRun, snapshots,
            BuildList(), BuildDestroy(), BuildRename(), BuildHold(), BuildRelease(), BuildHolds(),
        };
        command.Validators.Add(result => CheckTogether(result, ArgumentReaders.Typed(result, snapshots)));
        command.SetAction((parse, cancel) =>
        {
            List<string> volumes = [];
            (string pool, string name) = ("", "");
            foreach (string text in parse.GetRequiredValue(snapshots))
            {
                SnapshotNames.Split(text, out pool, out string volume, out name);
                volumes.Add(volume);
            }
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Snapshots,
                new CreateSnapshotsRequest(pool, [.. volumes], name, parse.GetValue(builder.DryRun)),
                RequestJson.Default.CreateSnapshotsRequest,
                cancel);
        });
        return command;
    }

    /// <summary>One instant is one pool's, and has one name.</summary>
    private static void CheckTogether(CommandResult result, string[] texts)
    {
        HashSet<string> pools = [], names = [], volumes = [];
        foreach (string text in texts)
        {
            if (SnapshotNames.Split(text, out string pool, out string volume, out string name) is not null)
            {
                return;
            }
            pools.Add(pool);
            names.Add(name);
            if (!volumes.Add(volume)) result.AddError($"{pool}/{volume} is named twice");
        }
        if (pools.Count > 1)
        {
            result.AddError("snapshots at one instant are of one pool: take each pool's by themselves");
        }
        if (names.Count > 1)
        {
            result.AddError("snapshots at one instant have one name: " + string.Join(" or ", names));
        }
    }

    private Command BuildList()
    {
        Argument<string> of = ListSubject();
        Command command = new(
            "list", "Snapshots with what they hold.\n\nExample: cstor snapshot list tank/db")
        {
            builder.Json, of,
        };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            ListRoute(parse.GetValue(of)),
            ReplyJson.Default.SnapshotStatusArray,
            ReplyJson.Indented.SnapshotStatusArray,
            SnapshotPrinter.WriteList,
            cancel));
        return command;
    }

    private Command BuildDestroy()
    {
        Argument<string> choice = ArgumentReaders.Text(
            "POOL/VOL@SNAP[,SNAP]...",
            "Names and runs FIRST%LAST, with commas between; an end left out is the oldest or newest",
            text => SnapshotNames.SplitChoice(text, out _, out _, out _));
        Command command = new(
            "destroy",
            "Destroy snapshots of a volume, all of them or none; -n shows how much would come back."
                + "\n\nExample: cstor snapshot destroy -n tank/db@monday,tuesday"
                + "\nExample: cstor snapshot destroy tank/db@%2026-10")
        {
            builder.DryRun, choice,
        };
        command.SetAction((parse, cancel) =>
        {
            SnapshotNames.SplitChoice(
                parse.GetRequiredValue(choice), out string pool, out string volume, out string[] names);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Fill(Routes.VolumeSnapshotsDestroy, pool, volume),
                new DestroySnapshotsRequest(names, parse.GetValue(builder.DryRun)),
                RequestJson.Default.DestroySnapshotsRequest,
                cancel);
        });
        return command;
    }

    private Command BuildRename()
    {
        Argument<string> snapshot = ArgumentReaders.Snapshot("The snapshot");
        Argument<string> name = ArgumentReaders.Text(
            "NEW", "Its new name, alone or as POOL/VOL@NEW", text => text.Contains('@')
                ? SnapshotNames.Split(text, out _, out _, out _)
                : SnapshotNames.Check(text));
        Command command = new(
            "rename", "Rename a snapshot.\n\nExample: cstor snapshot rename tank/db@monday before-upgrade")
        {
            snapshot, name,
        };
        command.Validators.Add(result =>
        {
            string before = ArgumentReaders.Typed(result, snapshot).FirstOrDefault("");
            string after = ArgumentReaders.Typed(result, name).FirstOrDefault("");
            bool isSame = !after.Contains('@') || before.Split('@')[0] == after.Split('@')[0];
            if (!isSame) result.AddError($"'{after}' is of another volume; a snapshot stays with its own");
        });
        command.SetAction((parse, cancel) =>
        {
            string after = parse.GetRequiredValue(name);
            return ChangeAsync(
                parse,
                parse.GetRequiredValue(snapshot),
                Routes.SnapshotRename,
                new RenameSnapshotRequest(after[(after.IndexOf('@', StringComparison.Ordinal) + 1)..]),
                RequestJson.Default.RenameSnapshotRequest,
                cancel);
        });
        return command;
    }

    private Command BuildHold() => BuildTagging(
        "hold",
        "Keep snapshots from being destroyed until they are released."
            + "\n\nExample: cstor snapshot hold backup tank/db@monday",
        Routes.SnapshotHold);

    private Command BuildRelease() => BuildTagging(
        "release",
        "Take a hold away again.\n\nExample: cstor snapshot release backup tank/db@monday",
        Routes.SnapshotRelease);

    private Command BuildTagging(string verb, string description, string route)
    {
        Argument<string> tag = ArgumentReaders.Text(
            "TAG", "Who holds them, or why", SnapshotNames.CheckTag);
        Argument<string[]> snapshots = ArgumentReaders.Snapshots("The snapshots");
        Command command = new(verb, description) { tag, snapshots };
        command.SetAction(async (parse, cancel) =>
        {
            HoldRequest request = new(parse.GetRequiredValue(tag));
            int exit = ExitCode.Done;
            foreach (string snapshot in parse.GetRequiredValue(snapshots))
            {
                exit = Math.Max(exit, await ChangeAsync(
                    parse, snapshot, route, request, RequestJson.Default.HoldRequest, cancel));
            }
            return exit;
        });
        return command;
    }

    private Command BuildHolds()
    {
        Argument<string> of = ListSubject();
        Command command = new("holds", "What is held, and by whom.\n\nExample: cstor snapshot holds tank/db")
        {
            builder.Json, of,
        };
        command.SetAction((parse, cancel) => builder.ShowPartAsync(
            parse,
            ListRoute(parse.GetValue(of)),
            ReplyJson.Default.SnapshotStatusArray,
            snapshots => Holds(snapshots, parse.GetValue(of)),
            ReplyJson.Indented.HoldViewArray,
            SnapshotPrinter.WriteHolds,
            cancel));
        return command;
    }

    private static Outcome<HoldView[]> Holds(SnapshotStatus[] snapshots, string? of) =>
        snapshots.Where(snapshot => of?.Contains('@') != true || snapshot.Name == of)
            .SelectMany(snapshot => snapshot.Holds.Select(tag => new HoldView(snapshot.Name, tag)))
            .ToArray();

    private Task<int> ChangeAsync<TRequest>(
        ParseResult parse,
        string snapshot,
        string route,
        TRequest request,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<TRequest> body,
        CancellationToken cancel)
    {
        SnapshotNames.Split(snapshot, out string pool, out string volume, out string name);
        return builder.ChangeAsync(
            parse, HttpMethod.Post, Routes.Fill(route, pool, volume, name), request, body, cancel);
    }

    /// <summary>All, a pool's, a volume's, or one snapshot.</summary>
    private static Argument<string> ListSubject()
    {
        Argument<string> subject = ArgumentReaders.Text(
            "POOL[/VOL]",
            "Only those of this pool or volume",
            text => text.Contains('@') ? SnapshotNames.Split(text, out _, out _, out _)
                : text.Contains('/') ? Names.Split(text, out _, out _)
                : Guid.TryParse(text, out _) ? null : Names.CheckPool(text));
        subject.Arity = ArgumentArity.ZeroOrOne;
        return subject;
    }

    private static string ListRoute(string? subject)
    {
        if (subject is null) return Routes.Snapshots;
        string[] names = subject.Split('@')[0].Split('/');
        string pool = "?pool=" + Uri.EscapeDataString(names[0]);
        string volume = names.Length > 1 ? "&volume=" + Uri.EscapeDataString(names[1]) : "";
        return Routes.Snapshots + pool + volume;
    }
}
