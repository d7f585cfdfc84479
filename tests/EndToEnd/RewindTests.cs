using System.Globalization;
using System.Text.Json;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>A pool whose newest root leads to garbage: the import says what to type, which works.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class RewindTests(ITestOutputHelper output)
{
    private const long DiskBytes = 256L << 20;

    [RequiresFact]
    public void A_pool_that_cannot_be_imported_goes_back_to_the_newest_whole_checkpoint()
    {
        using DaemonFixture daemon = new(output);
        string disk = daemon.Disk("disk0", DiskBytes);
        daemon.CliOk("pool", "create", "tank", disk);
        daemon.CliOk("volume", "create", "tank/kept", "64M");
        daemon.CliOk("pool", "export", "tank");
        daemon.CliOk("pool", "import", "-d", daemon.Folder, "tank");
        daemon.CliOk("volume", "create", "tank/late", "64M");
        daemon.CliOk("pool", "export", "tank");
        Uberblock newest = NewestRoot(disk);
        Scribble(disk, newest.DatasetRoot.Place0, newest.DatasetRoot.PhysicalSectors);
        Scribble(disk, newest.DatasetRoot.Place1, newest.DatasetRoot.PhysicalSectors);

        string[] import = ["pool", "import", "-d", daemon.Folder];
        daemon.CliFails(1, [.. import, "tank"], "dataset table", "cstor pool import --rewind tank");
        JsonElement plan = daemon.Json([.. import, "--rewind", "tank"]);
        Assert.Equal(newest.Number, plan.GetProperty("roots")[0].GetProperty("checkpoint").GetUInt64());
        Assert.NotEqual("", plan.GetProperty("roots")[0].GetProperty("damage").GetString());
        ulong whole = plan.GetProperty("newest").GetUInt64();
        Assert.True(whole > 0 && whole < newest.Number, daemon.CliOk([.. import, "--rewind", "tank"]));

        string to = whole.ToString(CultureInfo.InvariantCulture);
        daemon.CliOk([.. import, "--rewind", "--to", to, "--readonly", "tank"]);
        daemon.CliOk("pool", "export", "tank");
        daemon.CliFails(1, [.. import, "tank"], "--rewind");
        Assert.Contains(
            "without the commit log", daemon.CliOk([.. import, "--rewind", "--to", to, "tank"]));
        Assert.Contains("tank/kept", daemon.CliOk("volume", "list"));
        daemon.CliOk("pool", "scrub", "-w", "tank");
        daemon.Kill();
        daemon.Start();
        Assert.Contains("no problem found", daemon.CliOk("pool", "check", "tank"));
        Assert.Contains("tank/kept", daemon.CliOk("volume", "list"));
    }

    private static Uberblock NewestRoot(string disk)
    {
        byte[] sector = new byte[Layout.UberblockBytes];
        Uberblock newest = default;
        using FileStream file = new(disk, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        for (int slot = 0; slot < Layout.UberblockSlots; slot++)
        {
            file.Position = LabelBlock.OffsetOf(DiskBytes, 0) + Layout.UberblockRingOffset
                + ((long)slot * Layout.UberblockBytes);
            file.ReadExactly(sector);
            if (Uberblock.TryRead(sector, out Uberblock root) is null && root.Number > newest.Number)
                newest = root;
        }

        return newest;
    }

    private static void Scribble(string disk, BlockPlace place, int sectors)
    {
        byte[] garbage = new byte[sectors * Layout.SectorBytes];
        new Random(1).NextBytes(garbage);
        using FileStream file = new(disk, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = Layout.DataStartBytes + (place.Sector << Layout.SectorShift);
        file.Write(garbage);
    }
}
