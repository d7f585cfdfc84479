using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>Of every disk it is said what is on it, and why it may not be taken.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class DiskListTests(ITestOutputHelper output)
{
    [RequiresFact(Machine.Loop, "mkfs.ext4")]
    public void A_disk_is_free_carries_something_or_is_in_use()
    {
        using DaemonFixture daemon = new(output);
        string free = daemon.LoopDisk("free"), ext4 = daemon.LoopDisk("ext4");
        string taken = daemon.LoopDisk("taken"), left = daemon.LoopDisk("left");
        Tool.Check("mkfs.ext4", "-q", "-F", ext4);
        daemon.CliOk("pool", "create", "tank", taken);
        daemon.CliOk("pool", "create", "old", left);
        daemon.CliOk("pool", "export", "old");

        Dictionary<string, JsonElement> disks = daemon.Json("disk", "list").EnumerateArray()
            .ToDictionary(disk => disk.GetProperty("path").GetString()!);
        Assert.Equal(("", ""), Of(disks[free]));
        Assert.Equal("", Of(disks[ext4]).InUse);
        Assert.Contains("ext4", Of(disks[ext4]).Carries, StringComparison.Ordinal);
        Assert.Contains("exported pool 'old'", Of(disks[left]).Carries, StringComparison.Ordinal);
        Assert.Equal(("pool tank", ""), Of(disks[taken]));
        string row = daemon.CliOk("disk", "list").Split('\n')
            .Single(line => line.StartsWith(ext4 + " ", StringComparison.Ordinal));
        Assert.Contains("(-f takes it)", row, StringComparison.Ordinal);
    }

    private static (string InUse, string Carries) Of(JsonElement disk) =>
        (disk.GetProperty("inUseBy").GetString()!, disk.GetProperty("carries").GetString()!);
}
