using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>A walk through the command line as an operator takes it, with the real executable.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class CommandLineTests(ITestOutputHelper output)
{
    [RequiresFact]
    public void A_pool_and_a_volume_are_made_shown_and_destroyed()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("a"), daemon.Disk("b"));
        JsonElement pool = Assert.Single(daemon.Json("pool", "list").EnumerateArray().ToArray());
        Assert.Equal("tank", pool.GetProperty("name").GetString());
        Assert.Equal("online", pool.GetProperty("health").GetString());
        Assert.InRange(pool.GetProperty("sizeBytes").GetInt64(), 1L << 30, 2L << 30);
        Assert.Contains("tank", daemon.CliOk("pool", "status", "tank"), StringComparison.Ordinal);
        Assert.Equal(2, daemon.Json("pool", "status", "tank").GetProperty("vdevs").GetArrayLength());

        daemon.CliOk("volume", "create", "-b", "16K", "-o", "compression=zstd", "tank/db", "10G");
        JsonElement volume = Assert.Single(daemon.Json("volume", "list").EnumerateArray().ToArray());
        Assert.Equal("tank/db", volume.GetProperty("name").GetString());
        Assert.Equal(10L << 30, volume.GetProperty("sizeBytes").GetInt64());
        Assert.Equal(16384, volume.GetProperty("blockSizeBytes").GetInt32());
        Assert.Equal(DaemonFixture.TargetName("tank/db"), volume.GetProperty("target").GetString());
        Assert.Contains("io.cstor:tank.db", daemon.CliOk("target", "list"), StringComparison.Ordinal);
        Assert.Equal(1, daemon.Json("target", "list").GetArrayLength());

        daemon.CliOk("volume", "destroy", "tank/db");
        Assert.Equal(0, daemon.Json("volume", "list").GetArrayLength());
        daemon.CliOk("pool", "destroy", "tank");
        Assert.Equal(0, daemon.Json("pool", "list").GetArrayLength());
    }

    [RequiresFact]
    public void Properties_are_set_and_read()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("volume", "set", "tank/v", "compression=zstd", "sync=always");
        Assert.Contains("zstd", daemon.CliOk("volume", "get", "tank/v", "compression"));
        JsonElement[] all = [.. daemon.Json("volume", "get", "tank/v").EnumerateArray()];
        Assert.Contains(all, line => Property(line) is ("sync", "always"));
        daemon.Kill();
        daemon.Start();
        all = [.. daemon.Json("volume", "get", "tank/v").EnumerateArray()];
        Assert.Contains(all, line => Property(line) is ("sync", "always"));
        Assert.Contains(all, line => Property(line) is ("compression", "zstd"));
    }

    [RequiresFact]
    public void A_volume_grows_and_shrinks_only_by_force()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("volume", "resize", "tank/v", "512M");
        Assert.Equal(512L << 20, SizeBytes(daemon));
        daemon.CliFails(1, ["volume", "resize", "tank/v", "128M"], "-f");
        daemon.CliOk("volume", "resize", "-f", "tank/v", "128M");
        Assert.Equal(128L << 20, SizeBytes(daemon));
    }

    [RequiresFact]
    public void An_exported_pool_is_found_by_its_labels_and_imported()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        string guid = daemon.Json("pool", "status", "tank").GetProperty("guid").GetString()!;
        daemon.CliOk("pool", "export", "tank");
        Assert.Equal(0, daemon.Json("pool", "list").GetArrayLength());
        File.Move(Path.Combine(daemon.Folder, "tank.img"), Path.Combine(daemon.Folder, "moved.img"));
        string found = daemon.CliOk("pool", "import", "-d", daemon.Folder);
        Assert.Contains("tank", found, StringComparison.Ordinal);
        Assert.Contains(guid, found, StringComparison.Ordinal);
        daemon.CliOk("pool", "import", "-d", daemon.Folder, guid);
        Assert.Equal(guid, daemon.Json("pool", "status", "tank").GetProperty("guid").GetString());
        Assert.Equal(1, daemon.Json("volume", "list").GetArrayLength());
    }

    [RequiresFact]
    public void A_pool_is_back_after_a_clean_stop_and_after_a_kill()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        Assert.Equal(0, daemon.Stop());
        daemon.Start();
        Assert.Equal(1, daemon.Json("volume", "list").GetArrayLength());
        daemon.Kill();
        daemon.Start();
        Assert.Equal(1, daemon.Json("volume", "list").GetArrayLength());
        Assert.Equal(1, daemon.Json("target", "list").GetArrayLength());
    }

    [RequiresFact]
    public void A_dry_run_says_what_it_would_do_and_changes_nothing()
    {
        using DaemonFixture daemon = new(output);
        string disk = daemon.Disk("a");
        Assert.Contains("tank", daemon.CliOk("pool", "create", "-n", "tank", disk), StringComparison.Ordinal);
        Assert.Equal(0, daemon.Json("pool", "list").GetArrayLength());
        using (FileStream file = File.OpenRead(disk))
        {
            byte[] head = new byte[1 << 20];
            file.ReadExactly(head);
            Assert.False(head.AsSpan().ContainsAnyExcept((byte)0));
        }

        daemon.CliOk("pool", "create", "tank", disk);
        daemon.CliOk("volume", "create", "-n", "tank/v", "64M");
        Assert.Equal(0, daemon.Json("volume", "list").GetArrayLength());
        daemon.CliOk("volume", "create", "tank/v", "64M");
        daemon.CliOk("volume", "destroy", "-n", "tank/v");
        Assert.Equal(1, daemon.Json("volume", "list").GetArrayLength());
        daemon.Cli("pool", "destroy", "-n", "-f", "tank");
        daemon.CliOk("pool", "export", "-n", "tank");
        Assert.Equal(1, daemon.Json("pool", "list").GetArrayLength());
    }

    [RequiresFact]
    public void Labels_uberblocks_tree_and_log_are_printed()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("pool", "export", "tank");
        string disk = Path.Combine(daemon.Folder, "tank.img");
        Assert.Contains("tank", daemon.CliOk("debug", "label", disk), StringComparison.Ordinal);
        Assert.NotEmpty(daemon.CliOk("debug", "uberblock", disk));
        Assert.NotEmpty(daemon.CliOk("debug", "tree", disk));
        Assert.NotNull(daemon.CliOk("debug", "log", disk));
    }

    [RequiresFact]
    public void Disks_are_listed_with_what_they_are_used_for()
    {
        using DaemonFixture daemon = new(output);
        JsonElement disks = daemon.Json("disk", "list");
        Assert.Equal(JsonValueKind.Array, disks.ValueKind);
        Assert.All(
            disks.EnumerateArray().Select(disk => disk.GetProperty("path").GetString()),
            path => Assert.StartsWith("/dev/", path));
    }

    private static long SizeBytes(DaemonFixture daemon) =>
        daemon.Json("volume", "status", "tank/v").GetProperty("sizeBytes").GetInt64();

    private static (string? Name, string? Value) Property(JsonElement line) =>
        (line.GetProperty("name").GetString(), line.GetProperty("value").GetString());
}
