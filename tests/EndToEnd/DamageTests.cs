using System.Text.Json;
using Cstor.PoolLayout;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Disks that were scribbled on while no one looked: what is damaged is named by <c>pool status</c> and
/// rewritten from a good copy, and where there is none a read fails. Never are wrong bytes returned, never
/// does the daemon die.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class DamageTests(ITestOutputHelper output)
{
    private const long DiskBytes = 256L << 20;
    private static readonly string[] Everything = ["read -P 0x41 0 8M", "read -P 0x42 8M 8M"];

    [RequiresFact("qemu-io")]
    public void Any_two_labels_may_be_lost()
    {
        using DaemonFixture daemon = new(output);
        string disk = MakeFilledPool(daemon, mirrored: false);
        long[] labels =
            [0, Layout.LabelBytes, DiskBytes - 2 * Layout.LabelBytes, DiskBytes - Layout.LabelBytes];
        (int First, int Second)[] pairs = [(0, 1), (2, 3), (0, 3), (1, 2)];
        foreach ((int first, int second) in pairs)
        {
            daemon.CliOk("pool", "export", "tank");
            Scribble(disk, labels[first], Layout.LabelBytes);
            Scribble(disk, labels[second], Layout.LabelBytes);
            daemon.CliOk("pool", "import", "-d", daemon.Folder, "tank");
            (long count, long repaired) = DamageOf(daemon, "label");
            Assert.True(count >= 2, daemon.CliOk("pool", "status"));
            Assert.Equal(count, repaired);
            ReadsBack(daemon);
        }
    }

    [RequiresFact("qemu-io")]
    public void The_newest_uberblocks_of_one_end_may_be_lost()
    {
        using DaemonFixture daemon = new(output);
        string disk = MakeFilledPool(daemon, mirrored: false);
        daemon.Kill();
        int ringBytes = Layout.UberblockSlots * Layout.UberblockBytes;
        Scribble(disk, Layout.UberblockRingOffset, ringBytes);
        Scribble(disk, Layout.LabelBytes + Layout.UberblockRingOffset, ringBytes);
        daemon.Start();
        Assert.True(DamageOf(daemon, "uberblock").Count >= 1, daemon.CliOk("pool", "status"));
        ReadsBack(daemon);
        daemon.Kill();
        daemon.Start();
        ReadsBack(daemon);
    }

    [RequiresFact("qemu-io")]
    public void A_mirror_whose_one_disk_is_all_garbage_loses_nothing_and_heals()
    {
        using DaemonFixture daemon = new(output);
        string disk = MakeFilledPool(daemon, mirrored: true);
        string other = Path.Combine(daemon.Folder, "disk1");
        daemon.CliOk("pool", "export", "tank");
        Scribble(disk, Layout.DataStartBytes, DiskBytes - 2 * Layout.DataStartBytes);
        daemon.CliOk("pool", "import", "-d", daemon.Folder, "tank");
        ReadsBack(daemon);
        ReadsBack(daemon);
        (long count, long repaired) = DamageOf(daemon, "data");
        Assert.True(count > 0, daemon.CliOk("pool", "status"));
        Assert.Equal(count, repaired);

        // What was read was repaired: now the other disk may go the same way, as far as it holds what was
        // read.
        daemon.CliOk("pool", "export", "tank");
        Scribble(other, Layout.DataStartBytes, DiskBytes / 16);
        daemon.CliOk("pool", "import", "-d", daemon.Folder, "tank");
        Assert.NotEqual("stopped", daemon.Json("pool", "status", "tank").GetProperty("health").GetString());
    }

    [RequiresFact("qemu-io")]
    public void Garbage_in_random_sectors_gives_an_error_or_the_right_bytes()
    {
        using DaemonFixture daemon = new(output);
        string disk = MakeFilledPool(daemon, mirrored: false);
        Random chance = new(7);
        for (int round = 0; round < 5; round++)
        {
            daemon.Kill();
            for (int i = 0; i < 40; i++)
            {
                long sector = chance.NextInt64(DiskBytes / 4 / Layout.SectorBytes);
                Scribble(disk, Layout.DataStartBytes + sector * Layout.SectorBytes, Layout.SectorBytes);
            }

            daemon.Start();
            if (daemon.Json("pool", "list").GetArrayLength() == 0) break; // refused to import: an answer too
            ToolResult result = Tool.Run("qemu-io", ReadArguments(daemon));
            Assert.DoesNotContain("Pattern verification failed", result.All);
            Assert.True(daemon.IsRunning);
        }

        Assert.NotNull(daemon.CliOk("pool", "status"));
    }

    private static string MakeFilledPool(DaemonFixture daemon, bool mirrored)
    {
        string disk = daemon.Disk("disk0", DiskBytes);
        string[] layout = mirrored ? ["mirror", disk, daemon.Disk("disk1", DiskBytes)] : [disk];
        daemon.CliOk(["pool", "create", "tank", .. layout]);
        daemon.CliOk("volume", "create", "-b", "16K", "-o", "compression=off", "tank/v", "64M");
        string[] writes = ["-c", "write -P 0x41 0 8M", "-c", "write -P 0x42 8M 8M", "-c", "flush"];
        Tool.Check("qemu-io", ["-f", "raw", .. writes, daemon.Url("tank/v")]);
        return disk;
    }

    private static string[] ReadArguments(DaemonFixture daemon) =>
        ["-f", "raw", daemon.Url("tank/v"), .. Everything.SelectMany(read => new[] { "-c", read })];

    private static void ReadsBack(DaemonFixture daemon)
    {
        ToolResult result = Tool.Run("qemu-io", ReadArguments(daemon));
        Assert.True(result.ExitCode == 0, result + daemon.Log());
        Assert.DoesNotContain("failed", result.All);
    }

    private static (long Count, long Repaired) DamageOf(DaemonFixture daemon, string what)
    {
        JsonElement status = daemon.Json("pool", "status", "tank");
        JsonElement[] rows = [.. status.GetProperty("damage").EnumerateArray()
            .Where(row => row.GetProperty("what").GetString() == what)];
        return (rows.Sum(row => row.GetProperty("count").GetInt64()),
            rows.Sum(row => row.GetProperty("repaired").GetInt64()));
    }

    /// <summary>A killed process gives its locks back only when the kernel has taken its ring down.</summary>
    private static FileStream OpenWhenReleased(string disk)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new FileStream(disk, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            }
            catch (IOException) when (attempt < 200)
            {
                Thread.Sleep(50);
            }
        }
    }

    private static void Scribble(string disk, long offsetBytes, long lengthBytes)
    {
        using FileStream file = OpenWhenReleased(disk);
        byte[] garbage = new byte[1 << 20];
        new Random((int)(offsetBytes >> 12)).NextBytes(garbage);
        file.Position = offsetBytes;
        for (long left = lengthBytes; left > 0; left -= garbage.Length)
        {
            file.Write(garbage, 0, (int)Math.Min(left, garbage.Length));
        }
    }
}
