using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor job</c>: work that takes long, whoever began it.</summary>
internal sealed class JobCommands(CommandBuilder builder)
{
    public Command Build() => new("job", "Work that takes long: list, watch, cancel")
    {
        BuildList(),
        BuildWatch(),
        BuildCancel(),
    };

    private Command BuildList()
    {
        Option<bool> all = new("--all", "-a") { Description = "Also what ended lately" };
        Command command = new(
            "list",
            "Scrubs, resilvers, destruction in the background, replicas that catch up, streams.\n\n"
                + "Example: cstor job list -a")
        {
            all, builder.Json,
        };
        command.SetAction((parse, cancel) => builder.ShowPartAsync(
            parse,
            Routes.Jobs,
            ReplyJson.Default.JobViewArray,
            jobs => Outcome<JobView[]>.Ok(parse.GetValue(all) ? jobs : [.. jobs.Where(JobText.IsUnderWay)]),
            ReplyJson.Indented.JobViewArray,
            JobText.Write,
            cancel));
        return command;
    }

    private Command BuildWatch()
    {
        Argument<string> id = Id();
        Command command = new(
            "watch",
            "Show how a job goes until it has ended; exit status 1 if it did not end well.\n\n"
                + "Example: cstor job watch scrub-tank")
        {
            id,
        };
        command.SetAction(async (parse, cancel) =>
        {
            JobWaiter waiter = new(builder.Context, end => builder.AskAsync(
                parse, Routes.Jobs, ReplyJson.Default.JobViewArray, null, end));
            return await waiter.WaitAsync(parse.GetRequiredValue(id), cancel) is { } fault
                ? builder.Fail(fault)
                : ExitCode.Done;
        });
        return command;
    }

    private Command BuildCancel()
    {
        Argument<string> id = Id();
        Command command = new(
            "cancel",
            "End a job before it is done: a scrub, or a stream, the rest of which can be sent later.\n\n"
                + "Example: cstor job cancel send-3")
        {
            id,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.JobCancel, parse.GetRequiredValue(id)),
            new ChangeRequest(false, false),
            RequestJson.Default.ChangeRequest,
            cancel));
        return command;
    }

    private static Argument<string> Id() => new("JOB") { Description = "As 'job list' calls it" };
}
