using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Snapshots and clones as an operator uses them, with a real initiator on both ends and the daemon killed in
/// between.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class SnapshotTests(ITestOutputHelper output)
{
    private const long Megabyte = 1L << 20;

    [RequiresFact("qemu-io")]
    public void A_clone_shows_what_was_and_the_volume_what_is()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        Io(daemon, "tank/v", "write -P 1 0 8M", "flush");
        Assert.Equal("snapshot tank/v@one taken\n", daemon.CliOk("snapshot", "tank/v@one"));
        Io(daemon, "tank/v", "write -P 2 0 4M", "discard 6M 1M", "flush");
        Restart(daemon);
        string made = daemon.CliOk("clone", "tank/v@one", "tank/c");
        Assert.Contains(DaemonFixture.TargetName("tank/c"), made, StringComparison.Ordinal);
        Io(daemon, "tank/c", "read -P 1 0 8M", "read -P 0 8M 8M");
        Io(daemon, "tank/v", "read -P 2 0 4M", "read -P 1 4M 2M", "read -P 0 6M 1M", "read -P 1 7M 1M");

        Io(daemon, "tank/c", "write -P 3 1M 1M", "write -P 3 8M 1M", "flush");
        Restart(daemon);
        Io(daemon, "tank/c", "read -P 1 0 1M", "read -P 3 1M 1M", "read -P 1 2M 6M", "read -P 3 8M 1M");
        Io(daemon, "tank/v", "read -P 2 0 4M", "read -P 0 8M 1M");
        daemon.CliOk("clone", "tank/v@one", "tank/again");
        Io(daemon, "tank/again", "read -P 1 0 8M", "read -P 0 8M 8M");
        Assert.NotEqual(IdOf(daemon, "tank/v"), IdOf(daemon, "tank/c"));
        Assert.NotEqual(IdOf(daemon, "tank/again"), IdOf(daemon, "tank/c"));
        Verify(daemon);
    }

    [RequiresFact("qemu-io")]
    public void Two_volumes_are_taken_at_one_instant()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        daemon.CliOk("volume", "create", "tank/w", "16M");
        Io(daemon, "tank/v", "write -P 1 0 1M", "flush");
        Io(daemon, "tank/w", "write -P 2 0 1M", "flush");
        daemon.CliOk("snapshot", "tank/v@both", "tank/w@both");
        Restart(daemon);
        Assert.Equal(["tank/v@both", "tank/w@both"], Snapshots(daemon));
        daemon.CliFails(1, ["snapshot", "tank/v@both"], "tank/v@both exists already");
        daemon.CliOk("snapshot", "tank/v@later");
        daemon.CliFails(1, ["snapshot", "tank/w@later", "tank/nothing@later"], "tank/nothing");
        daemon.CliFails(1, ["snapshot", "tank/w@later", "tank/v@later"], "tank/v@later exists already");
        Assert.Equal(["tank/v@both", "tank/v@later", "tank/w@both"], Snapshots(daemon));
    }

    [RequiresFact("qemu-io", "stdbuf")]
    public void A_rollback_brings_back_what_was_and_never_under_an_initiator()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        Io(daemon, "tank/v", "write -P 1 0 4M", "flush");
        daemon.CliOk("snapshot", "tank/v@one");
        Io(daemon, "tank/v", "write -P 2 0 2M", "flush");
        daemon.CliOk("snapshot", "tank/v@two");
        Io(daemon, "tank/v", "write -P 3 0 1M", "flush");

        using (QemuIoSession session = new(daemon.Url("tank/v")))
        {
            session.Send("write -P 4 0 64k");
            session.WaitForWrites(1);
            daemon.CliFails(1, ["volume", "rollback", "tank/v@two"], "in use by iqn.", "caches", "-f");
            daemon.CliFails(1, ["volume", "rename", "tank/v", "tank/w"], "in use by iqn.", "tank.w", "-f");
            daemon.CliFails(1, ["volume", "destroy", "-r", "tank/v"], "in use by iqn.");
            daemon.CliOk("volume", "rollback", "-f", "tank/v@two");
            Assert.Equal(1, daemon.Json("target", "list").GetArrayLength());
        }

        Io(daemon, "tank/v", "read -P 2 0 2M", "read -P 1 2M 2M");
        daemon.CliFails(1, ["volume", "rollback", "tank/v@one"], "not the newest", "tank/v@two", "-r");
        string would = daemon.CliOk("volume", "rollback", "-n", "-r", "tank/v@one");
        Assert.Contains("tank/v@two", would, StringComparison.Ordinal);
        Io(daemon, "tank/v", "read -P 2 0 2M");
        daemon.CliOk("volume", "rollback", "-r", "tank/v@one");
        Restart(daemon);
        Io(daemon, "tank/v", "read -P 1 0 4M", "read -P 0 4M 1M");
        Assert.Equal(["tank/v@one"], Snapshots(daemon));
        Verify(daemon);
    }

    [RequiresFact("qemu-io")]
    public void A_promoted_clone_outlives_its_original_and_takes_its_name()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        Io(daemon, "tank/v", "write -P 1 0 4M", "flush");
        daemon.CliOk("snapshot", "tank/v@one");
        Io(daemon, "tank/v", "write -P 2 0 4M", "flush");
        daemon.CliOk("clone", "tank/v@one", "tank/c");
        string id = IdOf(daemon, "tank/c");
        daemon.CliFails(1, ["volume", "promote", "tank/v"], "tank/v", "no clone");
        daemon.CliFails(1, ["volume", "destroy", "tank/v"], "1 snapshot", "-r");
        daemon.CliFails(1, ["volume", "destroy", "-r", "tank/v"], "tank/v@one", "volume promote tank/c");
        daemon.CliFails(1, ["snapshot", "destroy", "tank/v@one"], "tank/v@one", "tank/c");
        Assert.Contains("tank/v@one", daemon.CliOk("volume", "promote", "-n", "tank/c"));
        daemon.CliOk("volume", "promote", "tank/c");
        Restart(daemon);
        Assert.Equal(["tank/c@one"], Snapshots(daemon));
        Assert.Equal("tank/c@one", Text(daemon, "tank/v", "origin"));
        daemon.CliOk("volume", "destroy", "tank/v");
        daemon.CliOk("volume", "rename", "tank/c", "tank/v");
        Restart(daemon);
        Io(daemon, "tank/v", "read -P 1 0 4M");
        Assert.Equal(id, IdOf(daemon, "tank/v"));
        Assert.Equal(["tank/v@one"], Snapshots(daemon));
        daemon.CliOk("pool", "wait", "-t", "free", "tank");
        Verify(daemon);
    }

    [RequiresFact("qemu-io")]
    public void Space_columns_add_up_before_and_after()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        Io(daemon, "tank/v", "write -P 1 0 16M", "flush");
        daemon.CliOk("snapshot", "tank/v@one");
        Io(daemon, "tank/v", "write -P 2 0 8M", "flush");
        daemon.CliOk("snapshot", "tank/v@two");
        Io(daemon, "tank/v", "write -P 3 0 4M", "flush");
        Settle(daemon);
        Near(28, Bytes(daemon, "usedBytes"));
        Near(12, Bytes(daemon, "usedBySnapshotsBytes"));
        Near(16, Bytes(daemon, "referencedBytes"));
        Near(16, Bytes(daemon, "logicalBytes"));
        JsonElement[] snapshots = [.. daemon.Json("snapshot", "list", "tank/v").EnumerateArray()];
        Assert.All(snapshots, snapshot => Near(16, snapshot.GetProperty("referencedBytes").GetInt64()));
        Near(8, snapshots[0].GetProperty("uniqueBytes").GetInt64());
        Near(4, snapshots[1].GetProperty("uniqueBytes").GetInt64());
        AddsUp(daemon);

        daemon.CliOk("clone", "tank/v@two", "tank/c");
        Io(daemon, "tank/c", "write -P 4 0 2M", "flush");
        Settle(daemon);
        Near(2, Bytes(daemon, "usedBytes", "tank/c"));
        Near(28, Bytes(daemon, "usedBytes"));
        AddsUp(daemon);

        Assert.Contains("and give back 8.", daemon.CliOk("snapshot", "destroy", "-n", "tank/v@%one"));
        daemon.CliOk("volume", "destroy", "tank/c");
        daemon.CliOk("snapshot", "destroy", "tank/v@%");
        Restart(daemon);
        daemon.CliOk("pool", "wait", "-t", "free", "tank");
        Settle(daemon);
        Near(16, Bytes(daemon, "usedBytes"));
        Assert.Equal(0, Bytes(daemon, "usedBySnapshotsBytes"));
        JsonElement data = daemon.Json("pool", "status", "tank").GetProperty("data");
        Assert.Equal(0, data.GetProperty("freeingBytes").GetInt64());
        Near(16, data.GetProperty("logicalBytes").GetInt64());
        Io(daemon, "tank/v", "read -P 3 0 4M", "read -P 2 4M 4M", "read -P 1 8M 8M");
        AddsUp(daemon);
        Verify(daemon);
    }

    [RequiresFact]
    public void What_is_held_stays_and_what_is_named_together_goes_together()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        foreach (string name in (string[])["a", "b", "c", "d"]) daemon.CliOk("snapshot", "tank/v@" + name);
        daemon.CliOk("snapshot", "hold", "backup", "tank/v@b");
        Restart(daemon);
        daemon.CliFails(1, ["snapshot", "destroy", "tank/v@a%c"], "tank/v@b", "held by backup", "release");
        daemon.CliFails(1, ["volume", "rollback", "-r", "tank/v@a"], "tank/v@b", "held by backup");
        daemon.CliFails(1, ["volume", "destroy", "-r", "tank/v"], "tank/v@b", "held by backup");
        daemon.CliFails(1, ["snapshot", "destroy", "tank/v@a,x"], "tank/v", "'x'");
        daemon.CliFails(1, ["snapshot", "hold", "backup", "tank/v@b"], "backup");
        daemon.CliFails(1, ["snapshot", "release", "other", "tank/v@b"], "other");
        Assert.Equal(["tank/v@a", "tank/v@b", "tank/v@c", "tank/v@d"], Snapshots(daemon));
        Assert.Contains("backup", daemon.CliOk("snapshot", "holds"), StringComparison.Ordinal);
        daemon.CliOk("snapshot", "release", "backup", "tank/v@b");
        daemon.CliOk("snapshot", "rename", "tank/v@d", "last");
        daemon.CliFails(1, ["snapshot", "rename", "tank/v@a", "last"], "tank/v@last");
        daemon.CliOk("snapshot", "destroy", "tank/v@a%b,last");
        Restart(daemon);
        Assert.Equal(["tank/v@c"], Snapshots(daemon));
        daemon.CliOk("volume", "destroy", "-r", "tank/v");
        Assert.Empty(Snapshots(daemon));
    }

    [RequiresFact]
    public void What_is_not_there_is_named_with_what_to_look_at()
    {
        using DaemonFixture daemon = new(output);
        MakeVolume(daemon);
        daemon.CliOk("snapshot", "tank/v@one");
        daemon.CliFails(1, ["snapshot", "tank/nothing@one"], "tank/nothing", "volume list");
        daemon.CliFails(1, ["snapshot", "nowhere/v@one"], "nowhere", "pool list");
        daemon.CliFails(1, ["snapshot", "list", "nowhere"], "nowhere");
        daemon.CliFails(1, ["snapshot", "list", "tank/nothing"], "tank/nothing");
        daemon.CliFails(1, ["snapshot", "destroy", "tank/v@two"], "tank/v", "two", "snapshot list");
        daemon.CliFails(1, ["snapshot", "rename", "tank/v@two", "x"], "tank/v@two");
        daemon.CliFails(1, ["snapshot", "hold", "tag", "tank/v@two"], "tank/v@two");
        daemon.CliFails(1, ["clone", "tank/v@two", "tank/c"], "tank/v@two");
        daemon.CliFails(1, ["clone", "tank/v@one", "tank/v"], "tank/v exists already");
        daemon.CliFails(1, ["clone", "-o", "color=red", "tank/v@one", "tank/c"], "color");
        daemon.CliFails(1, ["volume", "rollback", "tank/v@two"], "tank/v@two");
        daemon.CliFails(1, ["volume", "rename", "tank/nothing", "tank/w"], "tank/nothing");
        daemon.CliFails(1, ["volume", "rename", "tank/v", "tank/v"], "tank/v exists already");
        daemon.CliFails(1, ["volume", "promote", "tank/nothing"], "tank/nothing");
        daemon.CliFails(1, ["volume", "set", "tank/v", "sync=always", "compression=rar"], "compression");
        Assert.Equal("standard", Property(daemon, "sync"));
        Assert.Equal(["tank/v@one"], Snapshots(daemon));
    }

    [RequiresFact("qemu-io")]
    public void A_pool_that_snapshots_filled_is_emptied_by_destroying_them()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("disk", 256 * Megabyte));
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/v", "64M");
        bool isFull = false;
        for (int round = 0; round < 8 && !isFull; round++)
        {
            ToolResult written = QemuIo(daemon, "tank/v", $"write -P {round + 1} 0 64M", "flush");
            isFull = written.ExitCode != 0;
            if (isFull) Assert.Contains("No space left", written.All, StringComparison.Ordinal);
            else daemon.CliOk("snapshot", $"tank/v@r{round}");
        }

        Assert.True(isFull, daemon.CliOk("snapshot", "list"));
        Restart(daemon);
        daemon.CliOk("snapshot", "destroy", "tank/v@%");
        daemon.CliOk("pool", "wait", "-t", "free", "tank");
        Io(daemon, "tank/v", "write -P 99 0 64M", "flush", "read -P 99 0 64M");
        Verify(daemon);
    }

    private static void MakeVolume(DaemonFixture daemon)
    {
        daemon.CliOk("pool", "create", "tank", daemon.Disk("tank.img"));
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/v", "64M");
    }

    private static void Restart(DaemonFixture daemon)
    {
        daemon.Kill();
        daemon.Start();
    }

    /// <summary>A clean stop ends with a checkpoint, and the columns are as of that.</summary>
    private static void Settle(DaemonFixture daemon)
    {
        Assert.Equal(0, daemon.Stop());
        daemon.Start();
    }

    private static void Verify(DaemonFixture daemon) =>
        Assert.Contains("no problem found", daemon.CliOk("pool", "check", "tank"), StringComparison.Ordinal);

    /// <summary>What the volumes use is what the pool has allocated, but for its own metadata.</summary>
    private static void AddsUp(DaemonFixture daemon)
    {
        long used = daemon.Json("volume", "list").EnumerateArray()
            .Sum(volume => volume.GetProperty("usedBytes").GetInt64());
        long allocated = daemon.Json("pool", "status", "tank").GetProperty("allocatedBytes").GetInt64();
        Assert.InRange(allocated - used, 0, 6 * Megabyte);
    }

    private static void Near(long megabytes, long bytes) =>
        Assert.InRange(bytes, megabytes * Megabyte, megabytes * Megabyte + Megabyte / 2);

    private static string[] Snapshots(DaemonFixture daemon) =>
    [
        .. daemon.Json("snapshot", "list").EnumerateArray()
            .Select(snapshot => snapshot.GetProperty("name").GetString()!),
    ];

    private static long Bytes(DaemonFixture daemon, string name, string volume = "tank/v") =>
        daemon.Json("volume", "status", volume).GetProperty(name).GetInt64();

    private static string Text(DaemonFixture daemon, string volume, string name) =>
        daemon.Json("volume", "status", volume).GetProperty(name).GetString()!;

    private static string IdOf(DaemonFixture daemon, string volume) => Text(daemon, volume, "id");

    private static string Property(DaemonFixture daemon, string name) => daemon.Json(
        "volume", "get", "tank/v", name)[0].GetProperty("value").GetString()!;

    private static void Io(DaemonFixture daemon, string volume, params string[] commands)
    {
        ToolResult result = QemuIo(daemon, volume, commands);
        bool isRight = result.ExitCode == 0
            && !result.All.Contains("verification failed", StringComparison.Ordinal);
        Assert.True(isRight, $"{volume}: {string.Join("; ", commands)}: {result}\n{daemon.Log()}");
    }

    private static ToolResult QemuIo(DaemonFixture daemon, string volume, params string[] commands)
    {
        IEnumerable<string> steps = commands.SelectMany(command => new[] { "-c", command });
        return Tool.Run("qemu-io", ["-f", "raw", daemon.Url(volume), .. steps]);
    }
}
