using System.IO.Pipelines;
using System.Text.Json;
using Cstor.Daemon.Cli;
using Cstor.Tests.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Jobs;

/// <summary>A whole daemon, asked through its command line.</summary>
public sealed class JobServiceTests
{
    [Fact]
    public async Task A_stream_that_waits_for_its_sender_is_listed_and_ends_when_it_is_canceled()
    {
        await using RunningDaemon daemon = await StartAsync();
        using StringWriter said = new();
        Task<int> receiving = CommandLine.RunAsync(
            ["volume", "receive", "tank/copy"],
            new CliContext(said, said, _ => daemon.Scratch["sock"], TimeSpan.FromSeconds(60))
            {
                OpenInput = () => new Pipe().Reader.AsStream(),
            });
        JsonElement[] jobs = [];
        while (jobs.Length == 0) jobs = await ListAsync(daemon);
        Assert.Equal("receive-1 tank/copy running", Describe(Assert.Single(jobs)));

        Assert.Equal(0, await daemon.RunAsync("job", "cancel", "receive-1"));
        Assert.Equal(ExitCode.Failed, await receiving);
        Assert.Contains("the receive of tank/copy was canceled", said.ToString(), StringComparison.Ordinal);
        Assert.Empty(await ListAsync(daemon));
        Assert.Equal(
            "receive-1 tank/copy canceled", Describe(Assert.Single(await ListAsync(daemon, "--all"))));
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("job", "watch", "receive-1"));
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("job", "cancel", "receive-1"));
        Assert.Contains("has ended", daemon.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_was_sent_is_remembered_for_a_while()
    {
        await using RunningDaemon daemon = await StartAsync();
        Assert.Equal(0, await daemon.RunAsync("snapshot", "tank/db@a"));
        string file = daemon.Scratch["stream"];
        using StringWriter said = new();
        CliContext context = new(said, said, _ => daemon.Scratch["sock"], TimeSpan.FromSeconds(60))
        {
            OpenOutput = () => File.Create(file),
        };
        Assert.Equal(0, await CommandLine.RunAsync(["volume", "send", "tank/db@a"], context));
        JsonElement sent = Assert.Single(await ListAsync(daemon, "--all"));
        Assert.Equal("send-1 tank/db@a finished", Describe(sent));
        Assert.Equal(1, sent.GetProperty("progress").GetDouble());
    }

    [Fact]
    public async Task A_scrub_is_a_job_that_is_told_by_the_pool()
    {
        await using RunningDaemon daemon = await StartAsync();
        Assert.Equal(0, await daemon.RunAsync("pool", "scrub", "-w", "tank"));
        JsonElement scrub = Assert.Single(await ListAsync(daemon, "--all"));
        Assert.Equal("scrub-tank tank finished", Describe(scrub));
        Assert.Equal(0, await daemon.RunAsync("job", "watch", "scrub-tank"));
        Assert.Contains("scrub of tank finished", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("job", "cancel", "nothing"));
        Assert.Contains("there is no job 'nothing'", daemon.Error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<RunningDaemon> StartAsync()
    {
        RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        Assert.Equal(0, await daemon.RunAsync("pool", "create", "tank", daemon.Disk("a")));
        Assert.Equal(0, await daemon.RunAsync("volume", "create", "tank/db", "16M"));
        return daemon;
    }

    private static async Task<JsonElement[]> ListAsync(RunningDaemon daemon, params string[] more)
    {
        Assert.Equal(0, await daemon.RunAsync(["job", "list", "--json", .. more]));
        using JsonDocument document = JsonDocument.Parse(daemon.Out.ToString());
        return [.. document.RootElement.EnumerateArray().Select(job => job.Clone())];
    }

    private static string Describe(JsonElement job) =>
        $"{job.GetProperty("id")} {job.GetProperty("subject")} {job.GetProperty("state")}";
}
