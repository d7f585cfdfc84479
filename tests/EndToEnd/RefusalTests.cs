using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// What must not be done is refused by name and reason, with 1 for what is wrong and 2 for what is
/// mistyped.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class RefusalTests(ITestOutputHelper output)
{
    [RequiresFact("mkfs.ext4", "mkfs.xfs")]
    public void A_disk_with_a_file_system_is_refused_by_its_name_unless_forced()
    {
        using DaemonFixture daemon = new(output);
        string ext4 = daemon.Disk("e"), xfs = daemon.Disk("x");
        Tool.Check("mkfs.ext4", "-q", "-F", ext4);
        Tool.Check("mkfs.xfs", "-q", "-f", xfs);
        daemon.CliFails(1, ["pool", "create", "tank", ext4], ext4, "ext4");
        daemon.CliFails(1, ["pool", "create", "tank", xfs], xfs, "xfs");
        Tool.Check("e2fsck", "-fn", ext4);
        daemon.CliOk("pool", "create", "-f", "tank", ext4);
    }

    [RequiresFact]
    public void A_disk_with_a_label_is_refused_by_the_pools_name()
    {
        using DaemonFixture daemon = new(output);
        string disk = daemon.Disk("a");
        daemon.CliOk("pool", "create", "first", disk);
        daemon.CliFails(1, ["pool", "create", "second", disk], disk);
        daemon.CliOk("pool", "export", "first");
        daemon.CliFails(1, ["pool", "create", "second", disk], disk, "first", "-f");
        daemon.CliOk("pool", "import", "-d", daemon.Folder, "first");
    }

    [RequiresFact]
    public void A_disk_that_is_too_small_missing_or_no_disk_is_refused()
    {
        using DaemonFixture daemon = new(output);
        string small = daemon.Disk("small", 1 << 20), missing = Path.Combine(daemon.Folder, "missing");
        daemon.CliFails(1, ["pool", "create", "tank", small], small, "small");
        daemon.CliFails(1, ["pool", "create", "tank", missing], missing);
        daemon.CliFails(1, ["pool", "create", "tank", daemon.Folder], daemon.Folder);
        daemon.CliFails(1, ["pool", "create", "tank", "/dev/null"], "/dev/null");
        Assert.Equal(0, daemon.Json("pool", "list").GetArrayLength());
    }

    [RequiresFact(Machine.Loop, "mkfs.ext4", "mount", "umount")]
    public void A_mounted_device_is_refused_even_by_force()
    {
        using DaemonFixture daemon = new(output);
        string device = daemon.LoopDisk("m"), mountPoint = Path.Combine(daemon.Folder, "mnt");
        Tool.Check("mkfs.ext4", "-q", "-F", device);
        Directory.CreateDirectory(mountPoint);
        Tool.Check("mount", device, mountPoint);
        try
        {
            daemon.CliFails(1, ["pool", "create", "tank", device], device, "mounted");
            daemon.CliFails(1, ["pool", "create", "-f", "tank", device], device, "mounted");
        }
        finally
        {
            Tool.Check("umount", mountPoint);
        }

        Tool.Check("e2fsck", "-fn", device);
    }

    [RequiresFact(Machine.Loop)]
    public void A_device_that_another_daemon_has_is_refused()
    {
        using DaemonFixture first = new(output), second = new(output);
        string device = first.LoopDisk("d"), file = first.Disk("f");
        first.CliOk("pool", "create", "tank", device, file);
        second.CliFails(1, ["pool", "create", "-f", "other", device], device, "use");
        second.CliFails(1, ["pool", "create", "-f", "other", file], file, "another program");
        second.CliFails(1, ["pool", "import", "-d", first.Folder, "-d", device, "-f", "tank"]);
        Assert.Equal("online", first.Json("pool", "status", "tank").GetProperty("health").GetString());
    }

    [RequiresFact]
    public void Unknown_names_are_failures_that_name_them()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliFails(1, ["pool", "status", "nowhere"], "nowhere");
        daemon.CliFails(1, ["pool", "export", "nowhere"], "nowhere");
        daemon.CliFails(1, ["pool", "destroy", "nowhere"], "nowhere");
        daemon.CliFails(1, ["pool", "import", "-d", daemon.Folder, "nowhere"], "nowhere");
        daemon.CliFails(1, ["volume", "status", "tank/nothing"], "nothing");
        daemon.CliFails(1, ["volume", "create", "nowhere/v", "1G"], "nowhere");
        daemon.CliFails(1, ["volume", "destroy", "tank/nothing"], "nothing");
        daemon.CliFails(1, ["volume", "set", "tank/v", "color=red"], "color");
        daemon.CliFails(1, ["volume", "set", "tank/v", "compression=rar"], "compression");
    }

    [RequiresFact]
    public void What_exists_is_not_made_again_and_what_is_full_is_not_destroyed()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliFails(1, ["volume", "create", "tank/v", "1G"], "tank/v");
        daemon.CliFails(1, ["pool", "create", "tank", daemon.Disk("b")], "tank");
        daemon.CliFails(1, ["pool", "destroy", "tank"], "-f");
        Assert.Equal(1, daemon.Json("volume", "list").GetArrayLength());
        daemon.CliOk("pool", "destroy", "-f", "tank");
    }

    [RequiresFact]
    public void Mistyped_commands_end_with_usage()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliFails(2, ["pool", "create"]);
        daemon.CliFails(2, ["pool", "create", "tank"]);
        daemon.CliFails(2, ["pool", "create", "tank", "mirror", "/dev/one"], "mirror");
        daemon.CliFails(2, ["pool", "create", "Bad_Name", "/dev/one"], "Bad_Name");
        daemon.CliFails(2, ["pool", "frobnicate"], "frobnicate");
        daemon.CliFails(2, ["volume", "create", "tank", "1G"], "tank");
        daemon.CliFails(2, ["volume", "create", "tank/v", "big"], "big");
        daemon.CliFails(2, ["volume", "create", "tank/v", "-5G"]);
        daemon.CliFails(2, ["volume", "create", "-b", "5K", "tank/v", "1G"], "5K");
        daemon.CliFails(2, ["volume", "create", "-o", "novalue", "tank/v", "1G"], "novalue");
        daemon.CliFails(2, ["volume", "set", "tank/v"]);
        daemon.CliFails(2, ["--no-such-option"]);
    }

    [RequiresFact]
    public void Without_a_daemon_a_command_says_where_it_looked()
    {
        using DaemonFixture daemon = new(output, start: false);
        daemon.CliFails(1, ["pool", "list"], daemon.SocketPath);
    }

    [RequiresFact]
    public void A_second_daemon_on_the_same_socket_refuses_to_start()
    {
        using DaemonFixture daemon = new(output);
        ToolResult second = Tool.Run(
            Machine.DaemonPath,
            ["daemon", "--state-dir", Path.Combine(daemon.Folder, "state"), "--socket", daemon.SocketPath,
                "--iscsi", $"127.0.0.1:{DaemonFixture.FreePort()}"],
            seconds: 20);
        Assert.Equal(1, second.ExitCode);
        Assert.NotEmpty(second.Error);
        daemon.CliOk("pool", "list");
    }
}
