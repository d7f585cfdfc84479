using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class LayoutReaderTests
{
    [Theory]
    [InlineData("disk", "data", VdevKind.Disk, VdevRole.Data)]
    [InlineData("raidz1", "data", VdevKind.Raidz1, VdevRole.Data)]
    [InlineData("raidz2", "data", VdevKind.Raidz2, VdevRole.Data)]
    [InlineData("raidz3", "data", VdevKind.Raidz3, VdevRole.Data)]
    [InlineData("mirror", "log", VdevKind.Mirror, VdevRole.Log)]
    [InlineData("disk", "spare", VdevKind.Disk, VdevRole.Spare)]
    public void Kind_and_role_are_those_of_the_labels(
        string kind, string role, VdevKind expectedKind, VdevRole expectedRole)
    {
        VdevSpec spec = Assert.Single(LayoutReader.Read([new VdevRequest(kind, ["/d/a"], role)]).Value);
        Assert.Equal((expectedKind, expectedRole), (spec.Kind, spec.Role));
        Assert.Equal(["/d/a"], spec.Paths);
    }

    [Theory]
    [InlineData("replacing", "data", "/d/a", "'replacing'")]
    [InlineData("disk", "cache", "/d/a", "'cache'")]
    [InlineData("disk", "data", "a", "'a' is not an absolute path")]
    public void What_cannot_be_is_named(string kind, string role, string device, string expected)
    {
        Outcome<VdevSpec[]> layout = LayoutReader.Read([new VdevRequest(kind, [device], role)]);
        Assert.Equal("bad-request", layout.Fault?.Code);
        Assert.Contains(expected, layout.Fault?.Message, StringComparison.Ordinal);
    }
}
