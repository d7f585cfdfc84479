// Going back to an older root. Such a root is still whole, because what the last checkpoints freed is held
// while nobody wants the space (see HeldSpace); how many are is for the disks to say, so each is read.
//
// Why a crash is safe: going back is one write of an uberblock, before which nothing is changed. It leads to
// the old root's trees under a number and an epoch above all that were ever used, and names no log. Without
// it the pool is as it was; with it no newer root can win any more, whatever is overwritten afterwards. The
// import that follows is like any other.
//
// The log is not replayed: it belongs to the newest root, and may be what is damaged.
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Rewind;

internal static class PoolRewind
{
    /// <summary>Reads all roots and says of each what it leads to and what it lacks; writes
    /// nothing.</summary>
    /// <param name="loop">Of the devices.</param>
    /// <param name="devices">Opened.</param>
    /// <param name="includesData">Read all data too, not only what leads to it.</param>
    public static async ValueTask<Outcome<RewindPlan>> PlanAsync(
        ILoop loop, PoolDevices devices, bool includesData)
    {
        UberblockScan scan = await devices.ReadUberblocksAsync();
        if (scan.Roots.Count == 0) return PoolOpener.NoRoot(devices.PoolName);
        using RootWalk walk = new(loop, devices, includesData);
        List<RootContents> contents = [];
        foreach (FoundUberblock found in scan.Roots) contents.Add(await walk.VerifyAsync(found.Root));
        RootContents? reference = contents.Find(root => root.Datasets is not null);
        Uberblock newest = scan.Roots[0].Root;
        List<RewindRoot> roots = [];
        foreach (RootContents root in contents)
        {
            roots.Add(new RewindRoot(
                root.Root.Number,
                root.Root.UnixNanoseconds,
                newest.UnixNanoseconds - root.Root.UnixNanoseconds,
                root.Damage,
                root.Volumes,
                root.Damage.Length == 0 && reference is not null
                    ? await LossesAsync(walk, root, reference) : []));
        }

        (int groups, string logDamage) = await ReadLogAsync(loop, devices, newest);
        bool isNeedless = roots[0].Damage.Length == 0 && logDamage.Length == 0;
        return new RewindPlan(devices.PoolName, devices.PoolGuid, groups, logDamage, isNeedless, roots);
    }

    /// <summary>
    /// Makes an older root the newest one; on devices opened for reading alone only in memory.
    /// </summary>
    /// <returns>The root to import.</returns>
    public static async ValueTask<Outcome<Uberblock>> GoBackAsync(
        ILoop loop, ILogger logger, PoolDevices devices, ulong checkpoint)
    {
        UberblockScan scan = await devices.ReadUberblocksAsync();
        if (scan.Roots.FirstOrDefault(found => found.Root.Number == checkpoint) is not { } chosen)
            return NotWhole(devices, checkpoint, "no uberblock of it is left");
        using RootWalk walk = new(loop, devices, includesData: false);
        RootContents contents = await walk.VerifyAsync(chosen.Root);
        if (contents.Damage.Length > 0) return NotWhole(devices, checkpoint, contents.Damage);
        Uberblock root = chosen.Root;
        root.Number = scan.Roots[0].Root.Number + 1;
        root.Epoch = scan.Roots.Max(found => found.Root.Epoch) + 1;
        root.UnixNanoseconds = (loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
        root.LogGeneration = Uberblock.NoLog;
        if (devices.IsReadOnly) return root;
        // Who is missing now lacks what was born since the root, for all that is known.
        devices.Epoch = chosen.Root.Epoch;
        IoStatus status = await devices.FlushAsync();
        if (status == IoStatus.Ok) status = await WriteAsync(loop, devices, root);
        if (status == IoStatus.Ok) status = await devices.FlushAsync();
        if (status != IoStatus.Ok)
            return new Fault(
                "pool-write-failed", $"pool '{devices.PoolName}': the root cannot be written ({status})",
                "Check the devices");
        PoolLog.WentBack(logger, devices.PoolName, checkpoint, root.Number);
        return root;
    }

    private static async ValueTask<IoStatus> WriteAsync(ILoop loop, PoolDevices devices, Uberblock root)
    {
        IoBuffer buffer = loop.Buffers.Rent(Layout.UberblockBytes);
        root.Write(buffer.Span);
        IoStatus status = await devices.WriteUberblockAsync(buffer.First(Layout.UberblockBytes), root.Number);
        buffer.Release();
        return status;
    }

    private static async ValueTask<IReadOnlyList<RewindLoss>> LossesAsync(
        RootWalk walk, RootContents root, RootContents reference)
    {
        List<RewindLoss> losses = [];
        if (root == reference) return losses;
        Dictionary<Guid, DatasetRecord> before = root.Datasets!.ToDictionary(dataset => dataset.Id);
        foreach (DatasetRecord now in reference.Datasets!.OrderBy(now => now.Name, StringComparer.Ordinal))
        {
            if (!before.Remove(now.Id, out DatasetRecord then))
            {
                losses.Add(new RewindLoss(now.Name, RewindLoss.Created, now.SizeBytes, 0));
                continue;
            }

            if (then.SizeBytes != now.SizeBytes)
                losses.Add(new RewindLoss(now.Name, RewindLoss.Resized, now.SizeBytes, 0));
            if (await walk.CountSinceAsync(now, root.Root.Epoch) is not { } blocks)
                losses.Add(new RewindLoss(now.Name, RewindLoss.Unknown, 0, 0));
            else if (blocks > 0)
                losses.Add(new RewindLoss(
                    now.Name, RewindLoss.Written, blocks << now.BlockShift, blocks));
        }

        losses.AddRange(before.Values.OrderBy(gone => gone.Name, StringComparer.Ordinal)
            .Select(gone => new RewindLoss(gone.Name, RewindLoss.Destroyed, gone.SizeBytes, 0)));
        return losses;
    }

    private static async ValueTask<(int Groups, string Damage)> ReadLogAsync(
        ILoop loop, PoolDevices devices, Uberblock newest)
    {
        if (PoolOpener.LostLog(devices, newest) is { } lost) return (0, lost.Message);
        LogReader reader = new(loop, devices, new DamageLog(), mayRepair: false);
        LogScan log = await reader.ScanAsync(PoolOpener.LogOf(newest));
        reader.Close();
        return (log.Groups.Count, log.Gap ?? "");
    }

    private static Fault NotWhole(PoolDevices devices, ulong checkpoint, string why) => new(
        "root-damaged",
        $"pool '{devices.PoolName}': cannot go back to checkpoint {checkpoint}: {why}",
        $"See which are whole: cstor pool import --rewind {devices.PoolName}");
}
