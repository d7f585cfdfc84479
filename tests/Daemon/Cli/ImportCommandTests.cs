using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Rewind;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class ImportCommandTests
{
    [Fact]
    public async Task The_ways_back_are_shown_with_what_each_undoes_and_what_to_type()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "import", "--rewind", "-f", "-d", "/srv/c", "tank"));
        Assert.Equal(["tank /srv/c True False"], server.Daemon.Asked);
        Assert.Equal(
            """
            CHECKPOINT  TIME                  BEFORE THE NEWEST  STATE
                  4711  2026-11-18 11:06:40Z                0 s  damaged: dataset table: gone
                  4710  2026-11-18 11:05:40Z               60 s  whole

            going back to checkpoint 4710 brings db (10G) and undoes:
              tank/db: 10 blocks (40K) were written later
              tank/new (1G): was created later and is lost
              tank/old (2G): was destroyed later and comes back
              tank/x: what was written later cannot be read
              what is in the commit log only (12 groups)

            To look at one before: cstor pool import --readonly --rewind --to CHECKPOINT tank
            To go back for good: cstor pool import --rewind --to 4710 tank

            """,
            server.Out.ToString());
    }

    [Fact]
    public async Task Only_a_named_checkpoint_is_gone_back_to_and_not_with_n()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        string[] words = ["pool", "import", "--rewind", "--to", "4710", "tank"];
        Assert.Equal(0, await server.RunAsync([.. words, "-n"]));
        Assert.IsType<string>(Assert.Single(server.Daemon.Asked));
        Assert.DoesNotContain("4711", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, await server.RunAsync([.. words, "--readonly"]));
        ImportPoolRequest request = Assert.IsType<ImportPoolRequest>(server.Daemon.Asked[1]);
        Assert.Equal(("tank", 4710UL, true), (request.Pool, request.Checkpoint, request.ReadOnly));
    }

    [Fact]
    public async Task Where_nothing_is_whole_the_exit_status_says_so()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Rewind = server.Daemon.Rewind with { Roots = [server.Daemon.Rewind.Roots[0]] };
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "import", "--rewind", "tank"));
        Assert.Contains("Nothing here is whole; nothing was changed.", server.Out.ToString(),
            StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed,
            await server.RunAsync("pool", "import", "--rewind", "-n", "--to", "9", "tank"));
        Assert.Contains("nothing is left of checkpoint 9", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_whole_pool_and_a_damaged_log_are_called_so()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        RewindPlan plan = server.Daemon.Rewind;
        RewindRoot whole = plan.Roots[1] with { Losses = [] };
        server.Daemon.Rewind = plan with { IsNeedless = true, Roots = [whole] };
        Assert.Equal(0, await server.RunAsync("pool", "import", "--rewind", "tank"));
        Assert.Contains("cstor pool import tank loses nothing.\n", server.Out.ToString(),
            StringComparison.Ordinal);
        server.Daemon.Rewind = plan with { LogDamage = "group 7 is lost", Roots = [whole] };
        Assert.Equal(0, await server.RunAsync("pool", "import", "--rewind", "--data", "tank"));
        Assert.Equal("tank  False True", server.Daemon.Asked[^1]);
        Assert.Contains("(12 groups), which is damaged: group 7 is lost\n", server.Out.ToString(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--rewind", "--rewind wants a POOL")]
    [InlineData("--to 5 tank", "--to goes with --rewind")]
    [InlineData("--data tank", "--data goes with --rewind")]
    public async Task What_makes_no_sense_is_mistyped(string words, string complaint)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(ExitCode.Usage, await server.RunAsync(["pool", "import", .. words.Split(' ')]));
        Assert.Contains(complaint, server.Error.ToString(), StringComparison.Ordinal);
        Assert.Empty(server.Daemon.Asked);
    }
}
