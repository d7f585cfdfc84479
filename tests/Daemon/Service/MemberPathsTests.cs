using Cstor.Daemon.Service;
using Cstor.Engine.Pools;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class MemberPathsTests
{
    [Fact]
    public void A_device_is_found_by_any_of_its_names()
    {
        using ScratchDirectory scratch = new();
        File.WriteAllText(scratch["disk"], "");
        File.CreateSymbolicLink(scratch["by-id"], scratch["disk"]);
        VdevStatus[] tree = [Group(Group(Disk(scratch["by-id"]), Disk("")), Disk("/dev/gone"))];
        Assert.Equal(scratch["by-id"], MemberPaths.Resolve(tree, scratch["disk"]));
        Assert.Equal(scratch["by-id"], MemberPaths.Resolve(tree, scratch["by-id"]));
        Assert.Equal("/dev/gone", MemberPaths.Resolve(tree, "/dev/gone"));
        Assert.Equal("disk", MemberPaths.Resolve(tree, "disk"));
        Assert.Equal("/nowhere/x", MemberPaths.Resolve(tree, "/nowhere/x"));
    }

    private static VdevStatus Disk(string path) =>
        new("disk", "data", Guid.Empty, path, "online", 0, 0, 0, 0, "", []);

    private static VdevStatus Group(params VdevStatus[] children) =>
        new("mirror", "data", Guid.Empty, "", "online", 0, 0, 0, 0, "", children);
}
