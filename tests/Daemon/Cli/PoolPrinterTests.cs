using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Pools;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class PoolPrinterTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_degraded_mirror_says_what_to_do_and_shows_errors_and_damage()
    {
        Assert.Equal(
            """
               pool: tank
               guid: 11111111-2222-4333-8444-555555555555
             health: degraded
             status: All data can be read and written, with less redundancy than the pool was made with.
             reason: /dev/sdc is missing. Replace it
             action: connect /dev/sdc again and: cstor pool online tank /dev/sdc
                     or put in a new device: cstor pool replace tank /dev/sdc NEWDEV
                     look at the devices with errors, their cables and SMART data
                     then replace them, or forget it: cstor pool clear tank
              space: 25G of 100G allocated, 70G free
               data: 40G in volumes, stored as 20G: ratio 2.00
               root: checkpoint 17, epoch 3, 4K of log to replay
              cache: 240M of blocks, 12M of nodes; at most 1G for all pools
                     75.0 % of blocks found there, 99.9 % of nodes
               scan: none so far; begin one with: cstor pool scrub tank

              DEVICE      STATE     SIZE  READ  WRITE  CHECKSUM  NOTE
              mirror-0    degraded  100G     0      0         0  -
                /dev/sdb  online    100G     0      0         2  -
                /dev/sdc  missing   100G     1      0         0  -

              DAMAGED  COUNT  REPAIRED  NEWEST
              data         2         2  tank/db block 4711 at 0:8812

            """,
            Status(FakeAdministration.Tank()));
    }

    [Fact]
    public void The_tree_has_numbered_groups_replacements_logs_and_spares()
    {
        PoolStatus pool = FakeAdministration.Tank() with
        {
            Cache = null,
            Health = "degraded",
            Reason = "/dev/c failed",
            Damage = [],
            Vdevs =
            [
                Group("raidz2", "data", "online", Disk("/dev/a"), Disk("/dev/b")),
                Group(
                    "raidz2",
                    "data",
                    "degraded",
                    Group("replacing", "data", "degraded", Disk("/dev/c", "faulted"),
                        Disk("/dev/d") with { Note = "resilvering" }),
                    Disk("/dev/e")),
                Group("mirror", "log", "online", Disk("/dev/l"), Disk("/dev/m")),
                Disk("/dev/s", "available") with { Role = "spare" },
                Disk("/dev/o", "offline"),
                Disk(""),
            ],
            Scan = new ScanStatus(
                "resilver", "running", Noon, null, 12L << 30, 100L << 30, 24L << 30, 17, 0, 310L << 20,
                TimeSpan.FromSeconds(290)),
        };
        Assert.Equal(
            """
               pool: tank
               guid: 11111111-2222-4333-8444-555555555555
             health: degraded
             status: All data can be read and written, with less redundancy than the pool was made with.
             reason: /dev/c failed
             action: wait for the resilver: cstor pool wait tank
                     bring /dev/o back: cstor pool online tank /dev/o
              space: 25G of 100G allocated, 70G free
               data: 40G in volumes, stored as 20G: ratio 2.00
               root: checkpoint 17, epoch 3, 4K of log to replay
               scan: resilver in progress since 2026-11-21 12:00:00Z: 12G of 100G looked at (12.0 %)
                     310M/s, 4m50s left; 17 blocks repaired, 0 lost

              DEVICE                                STATE      SIZE  READ  WRITE  CHECKSUM  NOTE
              raidz2-0                              online      20G     0      0         0  -
                /dev/a                              online      10G     0      0         0  -
                /dev/b                              online      10G     0      0         0  -
              raidz2-1                              degraded    20G     0      0         0  -
                replacing-0                         degraded    20G     0      0         0  -
                  /dev/c                            faulted     10G     0      0         0  -
                  /dev/d                            online      10G     0      0         0  resilvering
                /dev/e                              online      10G     0      0         0  -
              /dev/o                                offline     10G     0      0         0  -
              11111111-2222-4333-8444-555555555555  online      10G     0      0         0  -
              logs
                mirror-2                            online      20G     0      0         0  -
                  /dev/l                            online      10G     0      0         0  -
                  /dev/m                            online      10G     0      0         0  -
              spares
                /dev/s                              available   10G     0      0         0  -

            No damage found since import.

            """,
            Status(pool));
    }

    [Theory]
    [InlineData("offline", "", "bring /dev/x back: cstor pool online tank /dev/x")]
    [InlineData("faulted", "", "cstor pool clear tank /dev/x")]
    [InlineData("online", "slow: 900 ms for a read", "/dev/x answers slowly")]
    [InlineData("online", "", null)]
    public void Each_state_of_a_device_has_its_advice(string state, string note, string? expected)
    {
        VdevStatus device = Disk("/dev/x", state) with { Note = note };
        PoolStatus pool = FakeAdministration.Tank() with { Vdevs = [device] };
        string actions = string.Join('\n', PoolAdvice.Actions(pool));
        if (expected is null) Assert.Empty(actions);
        else Assert.Contains(expected, actions, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_spare_stands_in_one_may_replace_the_device_or_keep_the_spare()
    {
        VdevStatus group = Group("spare", "data", "degraded", Disk("/dev/a", "missing"), Disk("/dev/s"));
        PoolStatus pool = FakeAdministration.Tank() with
        {
            Vdevs = [Group("mirror", "data", "degraded", group, Disk("/dev/b"))],
        };
        Assert.Equal(
            ["a spare stands in for /dev/a: cstor pool replace tank /dev/a NEWDEV",
                "or keep the spare in its place: cstor pool detach tank /dev/a"],
            PoolAdvice.Actions(pool));
    }

    [Theory]
    [InlineData("online", "")]
    [InlineData("stopped", "cstor pool export -f tank && cstor pool import tank")]
    [InlineData("readonly", "cstor pool export tank && cstor pool import tank")]
    [InlineData("unavailable", "or give it up: cstor pool export tank")]
    public void Each_health_has_its_advice(string health, string expected)
    {
        PoolStatus pool = FakeAdministration.Tank() with { Health = health, Vdevs = [Disk("/dev/x")] };
        Assert.Equal(expected.Length == 0, PoolAdvice.Meaning(pool).Length == 0);
        Assert.Contains(
            expected, string.Join('\n', PoolAdvice.Actions(pool)), StringComparison.Ordinal);
        Assert.Equal(expected.Length == 0, !PoolAdvice.Actions(pool).Any());
    }

    [Theory]
    [InlineData("degraded", "Nothing is written; all data can be read.")]
    [InlineData("faulted", "Nothing is written; what needs the missing devices cannot be read.")]
    public void A_readonly_pool_says_whether_all_can_be_read(string state, string expected)
    {
        PoolStatus pool = FakeAdministration.Tank() with
        {
            Health = "readonly",
            Vdevs = [Group("raidz1", "data", state, Disk("/dev/a"), Disk("/dev/b", "missing"))],
        };
        Assert.Equal(expected, PoolAdvice.Meaning(pool));
        string action = PoolAdvice.Actions(pool).Single();
        Assert.Equal(state == "faulted", action.EndsWith("are there", StringComparison.Ordinal));
    }

    [Fact]
    public void Lost_blocks_come_before_all_else()
    {
        ScanStatus scan = new("scrub", "finished", Noon, Noon.AddMinutes(62), 9, 9, 9, 1, 3, 0, null);
        PoolStatus pool = FakeAdministration.Tank() with { Scan = scan };
        Assert.StartsWith("Some blocks are lost", PoolAdvice.Meaning(pool), StringComparison.Ordinal);
        Assert.StartsWith(
            "restore what is named", PoolAdvice.Actions(pool).First(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_shows_its_problems_and_how_many_more_there_are()
    {
        StringWriter output = new();
        PoolPrinter.WriteCheck(output, new CheckView("tank", 9, 5L << 30, 3, ["a", "b"], ["not exported"]));
        PoolPrinter.WriteCheck(output, new CheckView("tank", 9, 5L << 30, 0, [], []));
        Assert.Equal(
            """
            pool tank: 9 blocks verified, 5G in use: 3 problems
              a
              b
              and 1 more
            note: not exported
            pool tank: 9 blocks verified, 5G in use: no problem found

            """,
            output.ToString());
    }

    private static string Status(PoolStatus pool)
    {
        StringWriter output = new();
        PoolPrinter.WriteStatus(output, pool);
        return output.ToString();
    }

    private static VdevStatus Disk(string path, string state = "online") =>
        new("disk", "data", FakeAdministration.Guid, path, state, 10L << 30, 0, 0, 0, "", []);

    private static VdevStatus Group(string kind, string role, string state, params VdevStatus[] children) =>
        new(kind, role, FakeAdministration.Guid, "", state, 20L << 30, 0, 0, 0, "", children);
}
