using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("pool create", "VDEV")]
    [InlineData("pool create tank", "VDEV")]
    [InlineData("pool create Tank /dev/x", "'Tank' is no pool name")]
    [InlineData("pool create mirror /dev/x /dev/y", "'mirror' is a keyword")]
    [InlineData("pool create tank mirror /dev/x", "two devices or more")]
    [InlineData("pool create tank raidz2 /dev/x /dev/y", "a raidz2 needs three devices or more, not 2")]
    [InlineData("pool create tank draid /dev/x", "'draid' is no layout")]
    [InlineData("pool create tank log /dev/x", "a pool needs a device for data")]
    [InlineData("pool add tank", "VDEV")]
    [InlineData("pool add tank spare", "'spare' is followed by no device")]
    [InlineData("pool attach tank /dev/x", "NEWDEV")]
    [InlineData("pool detach tank", "DEV is missing")]
    [InlineData("pool replace tank", "DEV is missing")]
    [InlineData("pool offline tank", "DEV is missing")]
    [InlineData("pool scrub", "POOL is missing")]
    [InlineData("pool scrub -p -s tank", "exclude each other")]
    [InlineData("pool scrub ta/nk", "'ta/nk' is no pool name")]
    [InlineData("pool wait -t trim tank", "-t trim: one can wait for scrub, resilver and free")]
    [InlineData("pool check", "name an open POOL, or with -d")]
    [InlineData("pool create -o ashift=12 tank /dev/x", "no properties in this version")]
    [InlineData("pool export", "POOL")]
    [InlineData("pool destroy tank extra", "extra")]
    [InlineData("pool status ta/nk", "'ta/nk' is no pool name")]
    [InlineData("volume create tank/db", "SIZE")]
    [InlineData("volume create tank 10G", "'tank' names no volume")]
    [InlineData("volume create tank/db ten", "'ten': not a size")]
    [InlineData("volume create tank/db -b 5K 10G", "-b 5K: a block is a power of two from 4K to 128K")]
    [InlineData("volume create tank/db -b 256K 10G", "-b 256K")]
    [InlineData("volume create tank/db -o lz4 10G", "'lz4' sets no property")]
    [InlineData("volume set tank/db", "nothing to set")]
    [InlineData("volume set compression=lz4", "name one volume")]
    [InlineData("volume set tank/db tank/dc compression=lz4", "name one volume")]
    [InlineData("volume get compression", "name one volume")]
    [InlineData("volume resize tank/db", "SIZE")]
    [InlineData("volume rename tank/db lake/db", "a volume stays in its pool")]
    [InlineData("volume rename tank/db", "POOL/NEW is missing")]
    [InlineData("volume rollback tank/db", "'tank/db' names no snapshot")]
    [InlineData("volume rollback tank/db@a,b", "names several snapshots")]
    [InlineData("volume promote tank/db@a", "'db@a' is no volume name")]
    [InlineData("volum list", "volum")]
    [InlineData("pool lst", "lst")]
    [InlineData("pool list --jsn", "--jsn")]
    [InlineData("pool", "command")]
    [InlineData("", "command")]
    public async Task A_mistyped_command_is_explained_and_ends_with_2(string words, string expected)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(
            ExitCode.Usage, await server.RunAsync(words.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.StartsWith("cstor: ", server.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains(expected, server.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("--help", server.Error.ToString(), StringComparison.Ordinal);
        Assert.Empty(server.Out.ToString());
        Assert.Empty(server.Daemon.Asked);
    }

    [Fact]
    public async Task Pool_create_sends_the_layout()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(
            0, await server.RunAsync("pool", "create", "-n", "-f", "tank", "/d/a", "mirror", "/d/b", "/d/c"));
        CreatePoolRequest request = Assert.IsType<CreatePoolRequest>(Assert.Single(server.Daemon.Asked));
        Assert.Equal(("tank", true, true), (request.Name, request.Force, request.DryRun));
        Assert.Equal(
            ["disk /d/a", "mirror /d/b /d/c"],
            request.Vdevs.Select(v => $"{v.Kind} {string.Join(' ', v.Devices)}"));
        Assert.Equal("done\nand noted\n", server.Out.ToString());
    }

    [Fact]
    public async Task Pool_import_without_a_name_lists_and_with_one_imports()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "import", "-d", "/srv/a b", "-d", "/srv/c"));
        Assert.Equal(["/srv/a b /srv/c"], server.Daemon.Asked);
        Assert.Contains("lost", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains("node-2", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains("/dev/sdy: I/O error", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            $"lost: missing vdev 0.1, guid {FakeAdministration.Guid}, last seen as /dev/sdz\n",
            server.Out.ToString(),
            StringComparison.Ordinal);

        Assert.Equal(
            0,
            await server.RunAsync(
                "pool", "import", "--readonly", "-d", "/srv/c", FakeAdministration.Guid.ToString()));
        ImportPoolRequest request = Assert.IsType<ImportPoolRequest>(server.Daemon.Asked[1]);
        Assert.Equal(
            (FakeAdministration.Guid.ToString(), true, false),
            (request.Pool, request.ReadOnly, request.Force));
        Assert.Equal(["/srv/c"], request.Search);
    }

    [Fact]
    public async Task Export_and_destroy_carry_their_flags()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "export", "-f", "tank"));
        Assert.Equal(0, await server.RunAsync("pool", "destroy", "-n", "tank"));
        Assert.Equal(0, await server.RunAsync("volume", "destroy", "-n", "-f", "tank/db"));
        Assert.Equal(
            [
                ("tank", new ChangeRequest(true, false)),
                ("tank", new ChangeRequest(false, true)),
                ("tank", "db", new DestroyVolumeRequest(false, true, true)),
            ],
            server.Daemon.Asked);
    }

    [Fact]
    public async Task Volume_create_sends_size_block_and_properties()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync(
            "volume",
            "create",
            "-b",
            "8K",
            "-o",
            "compression=zstd-3",
            "-o",
            "sync=always",
            "tank/db",
            "1.5G"));
        CreateVolumeRequest request = Assert.IsType<CreateVolumeRequest>(Assert.Single(server.Daemon.Asked));
        Assert.Equal(
            ("tank", "db", 1536L << 20, 8192),
            (request.Pool, request.Volume, request.SizeBytes, request.BlockSizeBytes));
        Assert.Equal(
            ["compression=zstd-3", "sync=always"],
            request.Properties.Select(property => $"{property.Key}={property.Value}").Order());
    }

    [Fact]
    public async Task Volume_set_takes_the_volume_before_or_behind_the_properties()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(
            0, await server.RunAsync("volume", "set", "tank/db", "chap-secret-file=/etc/x", "initiators="));
        Assert.Equal(0, await server.RunAsync("volume", "set", "sync=always", "tank/db"));
        var (pool, volume, request) = Assert.IsType<(
            string, string, SetPropertiesRequest)>(server.Daemon.Asked[0]);
        Assert.Equal(("tank", "db"), (pool, volume));
        Assert.Equal("/etc/x", request.Properties["chap-secret-file"]);
        Assert.Equal("", request.Properties["initiators"]);
    }

    [Fact]
    public async Task Volume_get_shows_chosen_properties_and_names_unknown_ones()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("volume", "get", "tank/db", "compression,size", "chap-user"));
        Assert.Equal(
            """
            NAME     PROPERTY     VALUE
            tank/db  compression  zstd
            tank/db  size         10G
            tank/db  chap-user    -

            """,
            server.Out.ToString());
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "get", "tank/db", "colour"));
        Assert.Contains("no property 'colour'", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volume_resize_sends_the_size()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("volume", "resize", "tank/db", "20G"));
        Assert.Equal([("tank", "db", new ResizeVolumeRequest(20L << 30, false))], server.Daemon.Asked);
    }

    [Fact]
    public async Task Pool_list_is_one_line_each_with_the_reason_below()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "list"));
        Assert.Equal(
            """
            NAME  SIZE  ALLOCATED  FREE  FREEING  USED  LOGICAL  RATIO  HEALTH
            tank  100G        25G   70G        -   25%      40G   2.00  degraded
            tank: /dev/sdc is missing. Replace it

            """,
            server.Out.ToString());
    }

    [Theory]
    [InlineData("pool list", "[0].name", "tank")]
    [InlineData("pool status tank", "health", "degraded")]
    [InlineData("pool status", "[0].health", "degraded")]
    [InlineData("pool import", "candidates[0].name", "lost")]
    [InlineData("pool import", "candidates[0].missing[0].lastPath", "/dev/sdz")]
    [InlineData("pool import --rewind tank", "roots[0].damage", "dataset table: gone")]
    [InlineData("pool check tank", "pool", "tank")]
    [InlineData("volume list", "[0].target", "iqn.2026-11.io.cstor:tank.db")]
    [InlineData("volume status tank/db", "properties.sync", "standard")]
    [InlineData("volume get tank/db sync", "[0].value", "standard")]
    [InlineData("volume list", "[0].clones[0]", "tank/test")]
    [InlineData("snapshot list", "[0].name", "tank/db@monday")]
    [InlineData("snapshot list tank/db", "[0].holds[0]", "backup")]
    [InlineData("snapshot holds", "[0].tag", "backup")]
    [InlineData("target list", "[0].sessions[0].initiator", "iqn.x:1")]
    [InlineData("disk list", "[0].inUseBy", "mounted on /")]
    public async Task What_lists_or_shows_does_so_in_json(string words, string path, string expected)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync([.. words.Split(' '), "--json"]));
        JsonElement found = JsonDocument.Parse(server.Out.ToString()).RootElement;
        foreach (string step in path.Replace("[0]", ".[0]", StringComparison.Ordinal).Split('.'))
        {
            if (step.Length == 0) continue;
            found = step == "[0]" ? found[0] : found.GetProperty(step);
        }
        Assert.Equal(expected, found.GetString());
    }

    [Fact]
    public async Task A_refusal_goes_to_stderr_with_its_remedy_and_ends_with_1()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Fault = new Fault("device-in-use", "/dev/sda: mounted on /", "Unmount it");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "create", "tank", "/dev/sda"));
        Assert.Equal("cstor: /dev/sda: mounted on /. Unmount it\n", server.Error.ToString());
        Assert.Empty(server.Out.ToString());
    }

    [Fact]
    public async Task Without_a_daemon_the_message_says_how_to_start_it()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.StopAsync();
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "list"));
        Assert.Equal(
            $"cstor: cannot reach the daemon at {server.SocketPath}: there is no such socket. "
                + "Start it with: cstor daemon\n",
            server.Error.ToString());
    }

    [Fact]
    public async Task The_socket_flag_wins_over_the_environment()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "list", "--socket", "/nowhere/sock"));
        Assert.Contains(
            "cannot reach the daemon at /nowhere/sock", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_command_has_help_with_an_example()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        CliContext context = new(server.Out, server.Error, _ => null, TimeSpan.FromSeconds(1));
        foreach (string[] path in Leaves(CommandLine.Build(context), []))
        {
            Assert.Equal(0, await server.RunAsync([.. path, "--help"]));
            Assert.Contains(
                $"Example: cstor {string.Join(' ', path)}", server.Out.ToString(), StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string[]> Leaves(System.CommandLine.Command command, string[] path) =>
        command.Subcommands.Count == 0
            ? [path]
            : command.Subcommands.SelectMany(child => Leaves(child, [.. path, child.Name]));
}
