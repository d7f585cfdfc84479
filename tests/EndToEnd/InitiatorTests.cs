using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>Clients that nobody here wrote: libiscsi's tools and QEMU's block driver.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class InitiatorTests(ITestOutputHelper output)
{
    [RequiresFact("iscsi-ls", "iscsi-inq", "iscsi-readcapacity16")]
    public void Libiscsi_discovers_inquires_and_reads_the_capacity()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "256M");
        daemon.CliOk("volume", "create", "tank/other", "64M");
        string found = Tool.Check("iscsi-ls", "--show-luns", $"iscsi://{daemon.Portal}");
        Assert.Contains(DaemonFixture.TargetName("tank/v"), found, StringComparison.Ordinal);
        Assert.Contains(DaemonFixture.TargetName("tank/other"), found, StringComparison.Ordinal);
        Assert.Contains("DIRECT_ACCESS", Tool.Check("iscsi-inq", daemon.Url("tank/v")));
        string identification = Tool.Check("iscsi-inq", "-e", "1", "-c", "131", daemon.Url("tank/v"));
        Assert.Contains("DEVICE_IDENTIFICATION", identification, StringComparison.Ordinal);
        string capacity = Tool.Check("iscsi-readcapacity16", daemon.Url("tank/v"));
        Assert.Contains($"Total size:{256 << 20}", capacity, StringComparison.Ordinal);
    }

    [RequiresFact("qemu-io")]
    public void Qemu_reads_back_what_it_wrote_also_after_a_restart()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "256M");
        string[] reads =
        [
            "read -P 0x11 0 64k", "read -P 0x22 64k 448k", "read -P 0 512k 128k", "read -P 0x22 640k 128k",
            "read -P 0 768k 64k", "read -P 0x33 100M 3584", "read -P 0 200M 1M",
        ];
        QemuIo(
            daemon,
            [
                "write -P 0x11 0 64k", "write -P 0x22 64k 1M", "write -P 0x33 100M 3584",
                "write -z 512k 128k", "discard 768k 64k", "flush", .. reads,
            ]);
        daemon.Kill();
        daemon.Start();
        QemuIo(daemon, reads);
    }

    [RequiresFact("qemu-img")]
    public void Qemu_copies_an_image_and_finds_it_equal()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "128M");
        string image = Path.Combine(daemon.Folder, "image.raw");
        using (FileStream file = File.Create(image))
        {
            byte[] chunk = new byte[1 << 20];
            for (int i = 0; i < 128; i++)
            {
                chunk.AsSpan().Fill((byte)(i % 3 == 0 ? 0 : i));
                file.Write(chunk);
            }
        }

        Tool.Check("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, daemon.Url("tank/v"));
        Tool.Check("qemu-img", "compare", "-f", "raw", "-F", "raw", image, daemon.Url("tank/v"));
        string[] bench = ["bench", "-f", "raw", "-t", "none", "-c", "2000", "-d", "16", daemon.Url("tank/v")];
        Assert.Contains("Run completed", Tool.Check("qemu-img", bench));
    }

    [RequiresFact("iscsi-inq", "iscsi-ls")]
    public void Chap_lets_in_who_knows_the_secret_and_no_one_else()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        string secret = Path.Combine(daemon.Folder, "secret");
        File.WriteAllText(secret, "open-sesame-42\n");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        daemon.CliOk("volume", "set", "tank/v", "chap-user=alice", $"chap-secret-file={secret}");
        Assert.Equal(0, Login("alice%open-sesame-42@").ExitCode);
        Assert.NotEqual(0, Login("alice%open-sesame-43@").ExitCode);
        Assert.NotEqual(0, Login("bob%open-sesame-42@").ExitCode);
        Assert.NotEqual(0, Login("").ExitCode);
        Assert.DoesNotContain("open-sesame", daemon.CliOk("volume", "get", "tank/v"));
        Assert.DoesNotContain("open-sesame", File.ReadAllText(daemon.LogPath));
        daemon.CliOk("volume", "set", "tank/v", "chap-user=", "chap-secret-file=");
        Assert.Equal(0, Login("").ExitCode);

        ToolResult Login(string credentials) =>
            Tool.Run("iscsi-inq", [daemon.Url("tank/v").Replace("://", "://" + credentials)], seconds: 30);
    }

    [RequiresFact("iscsi-inq")]
    public void Only_the_named_initiators_may_log_in()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("volume", "set", "tank/v", "initiators=iqn.2026-11.org.example:one");
        Assert.Equal(0, Login("iqn.2026-11.org.example:one").ExitCode);
        Assert.NotEqual(0, Login("iqn.2026-11.org.example:two").ExitCode);

        ToolResult Login(string initiator) =>
            Tool.Run("iscsi-inq", ["--initiator", initiator, daemon.Url("tank/v")], seconds: 30);
    }

    [RequiresFact("qemu-io")]
    public void A_volume_in_use_is_not_taken_away_without_force()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        using QemuIoSession session = new(daemon.Url("tank/v"));
        session.Send("write -P 1 0 4k");
        session.WaitForWrites(1);
        daemon.CliFails(1, ["volume", "destroy", "tank/v"], "-f");
        daemon.CliFails(1, ["pool", "export", "tank"], "-f");
        session.Send("write -P 2 4k 4k");
        session.WaitForWrites(2);
        daemon.CliOk("pool", "export", "-f", "tank");
    }

    private static void QemuIo(DaemonFixture daemon, params string[] commands)
    {
        IEnumerable<string> steps = commands.SelectMany(command => new[] { "-c", command });
        ToolResult result = Tool.Run("qemu-io", ["-f", "raw", daemon.Url("tank/v"), .. steps]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("failed", result.All, StringComparison.Ordinal);
        Assert.DoesNotContain("error", result.All, StringComparison.OrdinalIgnoreCase);
    }
}
