using System.Net;
using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class SnapshotCommandsTests
{
    [Theory]
    [InlineData("snapshot", "POOL/VOL@SNAP is missing")]
    [InlineData("snapshot tank/db", "'tank/db' names no snapshot: write POOL/VOL@SNAP")]
    [InlineData("snapshot tank/db@a,b", "names several snapshots")]
    [InlineData("snapshot tank/db@a lake/db@a", "are of one pool")]
    [InlineData("snapshot tank/db@a tank/log@b", "have one name: a or b")]
    [InlineData("snapshot tank/db@a tank/db@a", "tank/db is named twice")]
    [InlineData("snapshot list tank/db tank/log", "tank/log")]
    [InlineData("snapshot list TANK", "'TANK' is no pool name")]
    [InlineData("snapshot destroy", "is missing")]
    [InlineData("snapshot destroy tank/db", "names no snapshot")]
    [InlineData("snapshot destroy tank/db@a%b%c", "no run of snapshots")]
    [InlineData("snapshot rename tank/db@a", "NEW is missing")]
    [InlineData("snapshot rename tank/db@a tank/log@b", "stays with its own")]
    [InlineData("snapshot rename tank/db@a b%c", "'b%c' is no snapshot name")]
    [InlineData("snapshot hold tank/db@a", "'tank/db@a' is no tag")]
    [InlineData("snapshot hold backup", "POOL/VOL@SNAP is missing")]
    [InlineData("snapshot release backup tank/db", "names no snapshot")]
    [InlineData("clone tank/db@a", "POOL/NEW is missing")]
    [InlineData("clone tank/db tank/new", "names no snapshot")]
    [InlineData("clone tank/db@a lake/new", "different pools")]
    [InlineData("clone -o fast tank/db@a tank/new", "'fast' sets no property")]
    public async Task A_mistyped_command_is_explained_and_ends_with_2(string words, string expected)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(ExitCode.Usage, await server.RunAsync(words.Split(' ')));
        Assert.Contains(expected, server.Error.ToString(), StringComparison.Ordinal);
        Assert.Empty(server.Daemon.Asked);
    }

    [Fact]
    public async Task Snapshots_of_several_volumes_are_one_request()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "tank/db@nightly", "tank/log@nightly"));
        Assert.Equal(0, await server.RunAsync("snapshot", "-n", "tank/db@x"));
        var both = Assert.IsType<CreateSnapshotsRequest>(server.Daemon.Asked[0]);
        Assert.Equal(("tank", "nightly", false), (both.Pool, both.Snapshot, both.DryRun));
        Assert.Equal(["db", "log"], both.Volumes);
        Assert.True(Assert.IsType<CreateSnapshotsRequest>(server.Daemon.Asked[1]).DryRun);
    }

    [Fact]
    public async Task A_name_with_colons_arrives_as_it_was_typed()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "rename", "tank/db@12:00", "tank/db@13:00"));
        Assert.Equal(
            [("tank", "db", "12:00", new RenameSnapshotRequest("13:00"))], server.Daemon.Asked);
    }

    [Fact]
    public async Task Runs_and_lists_are_left_to_the_daemon()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "destroy", "-n", "tank/db@a,b%d,%"));
        var (pool, volume, request) =
            Assert.IsType<(string, string, DestroySnapshotsRequest)>(Assert.Single(server.Daemon.Asked));
        Assert.Equal(("tank", "db", true), (pool, volume, request.DryRun));
        Assert.Equal(["a", "b%d", "%"], request.Snapshots);
    }

    [Fact]
    public async Task Several_snapshots_are_held_and_released()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "hold", "backup", "tank/db@a", "tank/log@a"));
        Assert.Equal(0, await server.RunAsync("snapshot", "release", "backup", "tank/db@a"));
        Assert.Equal(
            [
                ("hold", "tank", "db", "a", new HoldRequest("backup")),
                ("hold", "tank", "log", "a", new HoldRequest("backup")),
                ("release", "tank", "db", "a", new HoldRequest("backup")),
            ],
            server.Daemon.Asked);
    }

    [Fact]
    public async Task One_that_cannot_be_held_does_not_keep_the_others_from_it()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Fault = new Fault("no-such-snapshot", "there is no snapshot", "See");
        Assert.Equal(
            ExitCode.Failed, await server.RunAsync("snapshot", "hold", "backup", "tank/db@a", "tank/log@a"));
        Assert.Equal(2, server.Daemon.Asked.Count);
    }

    [Fact]
    public async Task A_clone_carries_its_properties()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(
            0, await server.RunAsync("clone", "-o", "sync=disabled", "tank/db@monday", "tank/test"));
        var (pool, volume, snapshot, request) =
            Assert.IsType<(string, string, string, CloneRequest)>(Assert.Single(server.Daemon.Asked));
        Assert.Equal(("tank", "db", "monday", "test"), (pool, volume, snapshot, request.Volume));
        Assert.Equal("disabled", request.Properties["sync"]);
    }

    [Fact]
    public async Task Rollback_rename_and_promote_carry_their_flags()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("volume", "rollback", "-r", "-n", "tank/db@monday"));
        Assert.Equal(0, await server.RunAsync("volume", "rollback", "-f", "tank/db@monday"));
        Assert.Equal(0, await server.RunAsync("volume", "rename", "-f", "tank/db", "tank/old"));
        Assert.Equal(0, await server.RunAsync("volume", "promote", "-n", "tank/test"));
        Assert.Equal(0, await server.RunAsync("volume", "destroy", "-r", "tank/db"));
        Assert.Equal(
            [
                ("tank", "db", new RollbackRequest("monday", true, false, true)),
                ("tank", "db", new RollbackRequest("monday", false, true, false)),
                ("tank", "db", new RenameVolumeRequest("old", true, false)),
                ("tank", "test", new PromoteRequest(true)),
                ("tank", "db", new DestroyVolumeRequest(true, false, false)),
            ],
            server.Daemon.Asked);
    }

    [Fact]
    public async Task The_list_says_what_each_holds_alone_and_who_wants_it_kept()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "list", "tank/db"));
        Assert.Equal(
            """
            NAME             UNIQUE  REFER  CREATED               HOLDS   CLONES
            tank/db@monday     300M     1G  2026-11-21 12:00:00Z  backup  tank/test
            tank/db@tuesday       -     2G  2026-11-22 12:00:00Z  -       -

            """,
            server.Out.ToString());
        Assert.Equal([("tank", "db")], server.Daemon.Asked);
    }

    [Fact]
    public async Task Without_any_the_list_says_how_to_take_one()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Snapshots = [];
        Assert.Equal(0, await server.RunAsync("snapshot", "list"));
        Assert.Contains("cstor snapshot POOL/VOL@SNAP", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, await server.RunAsync("snapshot", "holds", "tank"));
        Assert.Contains("cstor snapshot hold TAG", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Holds_are_listed_of_all_of_a_volume_or_of_one_snapshot()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("snapshot", "holds", "tank/db@monday"));
        Assert.Equal("NAME            TAG\ntank/db@monday  backup\n", server.Out.ToString());
        Assert.Equal(0, await server.RunAsync("snapshot", "holds", "tank/db@tuesday"));
        Assert.StartsWith("nothing is held", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_snapshot_is_asked_for_by_its_path()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        using HttpResponseMessage response =
            await http.GetAsync(Routes.Fill(Routes.Snapshot, "tank", "db", "mon:day"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal([("tank", "db", "mon:day")], server.Daemon.Asked);
    }

    [Theory]
    [InlineData("cstor snapshot list ta", "tank\ntank/db\n")]
    [InlineData("cstor snapshot ta", "tank/db@\n")]
    [InlineData("cstor volume rollback ta", "tank/db@monday\ntank/db@tuesday\n")]
    [InlineData("cstor snapshot ho", "hold\nholds\n")]
    public async Task The_shell_is_told_what_could_follow(string line, string proposals)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync($"[suggest:{line.Length}]", line));
        Assert.Equal(proposals, server.Out.ToString());
    }
}
