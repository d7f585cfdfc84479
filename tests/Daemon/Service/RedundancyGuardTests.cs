using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class RedundancyGuardTests
{
    [Fact]
    public void A_plain_device_beside_a_mirror_is_refused_with_what_was_perhaps_meant()
    {
        Fault? fault = RedundancyGuard.Check(
            FakeAdministration.Tank(), [new VdevSpec(VdevKind.Disk, ["/dev/sdd"])]);
        Assert.Equal(
            "pool tank survives the loss of 1 device in every vdev, disk /dev/sdd would survive none, and a "
                + "vdev cannot be taken out again. To widen a mirror use: cstor pool attach. Else add a like "
                + "group, or insist with -f",
            fault?.ToString());
    }

    [Theory]
    [InlineData(VdevKind.Mirror, 2, false)]
    [InlineData(VdevKind.Raidz2, 5, true)]
    [InlineData(VdevKind.Raidz1, 4, true)]
    [InlineData(VdevKind.Mirror, 3, true)]
    public void A_group_that_survives_as_much_is_taken(VdevKind kind, int width, bool isTaken)
    {
        VdevStatus mirror = FakeAdministration.Tank().Vdevs[0];
        PoolStatus pool = FakeAdministration.Tank() with
        {
            Vdevs = isTaken ? [mirror] : [mirror with { Kind = "raidz2" }],
        };
        string[] paths = [.. Enumerable.Range(0, width).Select(i => $"/dev/n{i}")];
        Assert.Equal(isTaken, RedundancyGuard.Check(pool, [new VdevSpec(kind, paths)]) is null);
    }

    [Fact]
    public void Logs_and_spares_are_no_matter_of_the_data()
    {
        VdevSpec[] added =
        [
            new(VdevKind.Disk, ["/dev/l"], VdevRole.Log), new(VdevKind.Disk, ["/dev/s"], VdevRole.Spare),
        ];
        Assert.Null(RedundancyGuard.Check(FakeAdministration.Tank(), added));
    }
}
