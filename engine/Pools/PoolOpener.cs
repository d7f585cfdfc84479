using System.Buffers.Binary;
using Cstor.Engine.Blocks;
using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Pools;

/// <summary>
/// Makes a pool of opened devices: a new one, or the one that is on them. Import takes the newest root,
/// loads what it leads to, replays the log in memory, and begins a new log with a checkpoint, so that the
/// next stop finds a short way back.
/// </summary>
internal static class PoolOpener
{
    /// <summary>Writes the first root of a new pool.</summary>
    public static async ValueTask<Outcome<Pool>> CreateAsync(
        ILoop loop, ILogger logger, PoolDevices devices, PoolOptions options, ReadCache cache)
    {
        PoolCore core = new(loop, logger, devices, options, cache);
        Checkpoint checkpoint = new(core);
        Fault? fault = await BeginLogAsync(core, checkpoint, 1);
        if (fault is not null) return await AbandonAsync(core, fault);
        PoolLog.Created(logger, devices.PoolName);
        return new Pool(core, checkpoint);
    }

    /// <summary>Imports the newest root.</summary>
    /// <param name="loop">Of the devices.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="devices">Opened.</param>
    /// <param name="options">How the pool runs.</param>
    /// <param name="cache">Of all pools.</param>
    /// <param name="chosen">Imported instead of the newest root that is on the devices.</param>
    public static async ValueTask<Outcome<Pool>> ImportAsync(
        ILoop loop,
        ILogger logger,
        PoolDevices devices,
        PoolOptions options,
        ReadCache cache,
        Uberblock? chosen = null)
    {
        PoolCore core = new(loop, logger, devices, options, cache);
        core.Reader.MayRepair = !devices.IsReadOnly;
        Checkpoint checkpoint = new(core);
        UberblockScan scan = await devices.ReadUberblocksAsync();
        if (scan.Roots.Count == 0) return await AbandonAsync(core, NoRoot(devices.PoolName));
        foreach (string where in scan.Damaged) core.Damage.Note(DamageKind.Uberblock, where, repaired: false);
        foreach (string where in scan.NewestMissing)
            core.Damage.Note(DamageKind.Uberblock, where, repaired: !devices.IsReadOnly);
        Uberblock root = chosen ?? scan.Roots[0].Root;
        Fault? fault = await LoadAsync(core, root);
        LogReplay? replay = null;
        LogScan? log = null;
        if (fault is null) (fault, replay, log) = await ReplayAsync(core, root);
        checkpoint.AllocatedSectors = root.AllocatedSectors;
        ulong nextSequence = root.LogSequence + (ulong)(log?.Groups.Count ?? 0) + 1;
        if (fault is null && !devices.IsReadOnly) fault = await BeginLogAsync(core, checkpoint, nextSequence);
        if (fault is not null) return await AbandonAsync(core, fault);
        PoolLog.Imported(logger, devices.PoolName, core.Checkpoint, replay!.AppliedGroups);
        return new Pool(core, checkpoint);
    }

    private static async ValueTask<Fault?> LoadAsync(PoolCore core, Uberblock root)
    {
        core.Checkpoint = root.Number;
        core.Epoch = root.Epoch + 1;
        core.Devices.Epoch = root.Epoch;
        core.Scans.Load(root, core.Devices);
        core.DatasetTree = new TreeRoot(root.DatasetRoot, root.DatasetHeight);
        TreeRoot bitmaps = new(root.SpaceMapRoot, root.SpaceMapHeight);
        IoStatus status = await core.SpaceMap.LoadAsync(bitmaps, root.SpaceLogHead, root.SpaceLogBlocks);
        if (status != IoStatus.Ok) return Unreadable(core, root, "space map", status);
        DatasetTable table = new(core);
        status = await table.LoadAsync(root.DatasetSlots);
        if (status != IoStatus.Ok) return Unreadable(core, root, "dataset table", status);
        return table.Link() is not { } reason ? null : new Fault(
            "root-damaged",
            $"pool '{core.Devices.PoolName}': dataset table of checkpoint {root.Number}: {reason}",
            "A bug of its writer; look at it with: cstor debug tree DEV");
    }

    private static async ValueTask<(Fault? Fault, LogReplay? Replay, LogScan? Log)> ReplayAsync(
        PoolCore core, Uberblock root)
    {
        if (LostLog(core.Devices, root) is { } lost) return (lost, null, null);
        LogReader reader = new(core.Loop, core.Devices, core.Damage, !core.Devices.IsReadOnly);
        LogScan log = await reader.ScanAsync(LogOf(root));
        LogReplay replay = new(core, reader);
        Fault? fault = log.Gap is not null && !core.Devices.IsReadOnly
            ? new Fault("log-damaged", $"pool '{core.Devices.PoolName}': {log.Gap}",
                "Import with --readonly to save what is there, or without the log: "
                    + Rewind(core.Devices))
            : await replay.ApplyAsync(log);
        reader.Close();
        return (fault, replay, log);
    }

    private static async ValueTask<Fault?> BeginLogAsync(PoolCore core, Checkpoint checkpoint, ulong sequence)
    {
        byte[] random = new byte[sizeof(ulong)];
        core.Loop.FillRandom(random);
        ulong generation = Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(random));
        core.Log = CommitLog.TryBegin(core.Loop, core.Devices, core.Allocator, core.Ledger, generation,
            sequence);
        if (core.Log is null)
            return new Fault("pool-full", $"pool '{core.Devices.PoolName}' has no room for its commit log",
                "Use larger devices");
        core.Log.Parts = core.WriteBack;
        core.Log.Failed = status => core.Stop($"the commit log cannot be written: {status}");
        IoStatus status = await checkpoint.RunAsync();
        if (status == IoStatus.Ok) return null;
        return new Fault("pool-write-failed",
            $"pool '{core.Devices.PoolName}': the root cannot be written ({status})",
            "Check the devices");
    }

    /// <summary>Where the log of a root begins.</summary>
    public static LogPosition LogOf(in Uberblock root) => new(
        root.LogGeneration, root.LogSequence,
        new LogSegment(root.LogPlace0, root.LogPlace1), new LogSegment(root.LogNext0, root.LogNext1),
        (int)root.LogOffsetBytes, root.LogPreviousChecksum);

    /// <summary>
    /// The labels say that the pool went on without a vdev for the log, but no root does: what was
    /// acknowledged last is there and nowhere else.
    /// </summary>
    public static Fault? LostLog(PoolDevices devices, in Uberblock root)
    {
        bool isLost = root.LogGeneration != Uberblock.NoLog
            && IsLost(root.LogPlace0) && IsLost(root.LogPlace1);
        return isLost && !devices.IsReadOnly
            ? new Fault("log-lost", $"pool '{devices.PoolName}': the commit log of checkpoint {root.Number} "
                + "was on devices that are out of use, and with it the last acknowledged writes",
                "Attach the log device, or go on without it: " + Rewind(devices))
            : null;

        bool IsLost(BlockPlace place) => place.Vdev < devices.VdevCount
            && devices.Role(place.Vdev) == VdevRole.Log && !devices.IsReadable(place.Vdev);
    }

    private static async ValueTask<Outcome<Pool>> AbandonAsync(PoolCore core, Fault fault)
    {
        await core.CloseAsync();
        return fault;
    }

    /// <summary>No uberblock is left, and nothing to go back to.</summary>
    public static Fault NoRoot(string pool) => new(
        "no-root", $"pool '{pool}': no device has a valid uberblock",
        "Look at them with: cstor debug uberblock DEV");

    private static Fault Unreadable(PoolCore core, in Uberblock root, string what, IoStatus status) => new(
        "root-damaged",
        $"pool '{core.Devices.PoolName}': {what} of checkpoint {root.Number}: no readable copy ({status})",
        "Check the devices; missing ones may hold the other copy. Or see which older root is whole: "
            + Rewind(core.Devices));

    private static string Rewind(PoolDevices devices) => $"cstor pool import --rewind {devices.PoolName}";
}
