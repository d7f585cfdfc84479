using System.Numerics;
using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>
/// The volumes of a pool by name. Every change of settings is one record of the commit log, durable before
/// it is reported. A destroyed volume is marked so; its blocks are then freed piece by piece with the
/// checkpoints, and a restart in between goes on where it was.
/// </summary>
internal sealed class VolumeCatalog(PoolCore pool, Checkpoint checkpoint, CheckpointPacer? pacer)
{
    // Freed in one checkpoint: 16 GiB of 4 KiB blocks.
    private const ulong DestroyBlocks = 1UL << 22;
    private const long MaximumVolumeBytes = 1L << 50;
    private const int NameMaximumLength = 63;
    private const int DrainPauseNanoseconds = 1_000_000;

    private int _destroying;
    private bool _isClosed;
    private TaskCompletionSource? _idle;

    public IReadOnlyList<Volume> Online() =>
    [
        .. pool.Slots.Where(static volume => volume is { IsClosed: false }).Select(static volume => volume!)
            .OrderBy(static volume => volume.ShortName, StringComparer.Ordinal),
    ];

    public Volume? Find(string shortName)
    {
        foreach (Volume? volume in pool.Slots)
            if (volume is { IsClosed: false } && volume.ShortName == shortName)
                return volume;
        return null;
    }

    public async ValueTask<Outcome<Volume>> CreateAsync(
        string shortName, long sizeBytes, int blockSizeBytes, IReadOnlyList<KeyValuePair<string,
            string>> properties)
    {
        Fault? fault = Refusal() ?? CheckName(shortName) ?? CheckShape(sizeBytes, blockSizeBytes);
        if (fault is not null) return fault;
        if (Find(shortName) is not null)
            return new Fault("volume-exists", $"{pool.Devices.PoolName}/{shortName} exists already",
                "Choose another name");
        DatasetRecord record = NewRecord(shortName, sizeBytes, blockSizeBytes);
        foreach ((string key, string value) in properties)
            if (VolumeProperties.Set(ref record, key, value) is { } bad)
                return bad;
        int slot = pool.Slots.IndexOf(null);
        if (slot < 0)
        {
            slot = pool.Slots.Count;
            pool.Slots.Add(null);
        }

        Volume volume = new(pool, (uint)slot, record) { SettingsDirty = true };
        pool.Slots[slot] = volume;
        if (await LogSettingsAsync(volume) is { } failure) return failure;
        return volume;
    }

    public async ValueTask<Outcome<Unit>> DestroyAsync(string shortName)
    {
        if (Refusal() is { } refusal) return refusal;
        if (Find(shortName) is not { } volume) return NotFound(shortName);
        volume.IsClosed = true;
        DatasetRecord record = volume.Record;
        record.State = DatasetState.Destroying;
        volume.ApplySettings(record);
        if (await LogSettingsAsync(volume) is { } failure) return failure;
        Destroy(volume);
        return Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> ResizeAsync(string shortName, long sizeBytes)
    {
        if (Refusal() is { } refusal) return refusal;
        if (Find(shortName) is not { } volume) return NotFound(shortName);
        if (CheckShape(sizeBytes, volume.BlockSizeBytes) is { } bad) return bad;
        DatasetRecord record = volume.Record;
        record.SizeBytes = RoundUp(sizeBytes, volume.BlockSizeBytes);
        ulong oldBlocks = volume.BlockCount;
        ulong newBlocks = (ulong)record.BlockCount;
        if (newBlocks < oldBlocks)
        {
            BlockRange beyond = new(newBlocks, oldBlocks - newBlocks);
            await volume.Locks.AcquireAsync(beyond);
            volume.PublishHoles(beyond);
            volume.ApplySettings(record);
            volume.Locks.Release(beyond);
        }
        else
        {
            volume.ApplySettings(record);
        }

        return await LogSettingsAsync(volume) is { } failure ? failure : Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> SetPropertyAsync(string shortName, string key, string value)
    {
        if (Refusal() is { } refusal) return refusal;
        if (Find(shortName) is not { } volume) return NotFound(shortName);
        DatasetRecord record = volume.Record;
        if (VolumeProperties.Set(ref record, key, value) is { } bad) return bad;
        volume.ApplySettings(record);
        return await LogSettingsAsync(volume) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Goes on with what an earlier run had begun to destroy.</summary>
    public void ResumeDestruction()
    {
        foreach (Volume? volume in pool.Slots)
        {
            if (volume is null || volume.Record.State != DatasetState.Destroying) continue;
            volume.IsClosed = true;
            if (pacer is not null) Destroy(volume);
        }
    }

    /// <summary>
    /// Refuses everything from now on; completes when no destruction and no request is under way.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        foreach (Volume? volume in pool.Slots)
            if (volume is not null)
                volume.IsClosed = true;
        if (_destroying > 0)
        {
            _idle = new TaskCompletionSource();
            await _idle.Task;
        }

        foreach (Volume? volume in pool.Slots.ToArray())
            if (volume is not null)
                await DrainAsync(volume);
    }

    // Requests that were under way when the volume was closed end first.
    private async ValueTask DrainAsync(Volume volume)
    {
        while (volume.RequestsUnderWay > 0) await pool.Loop.DelayAsync(DrainPauseNanoseconds);
    }

    private async void Destroy(Volume volume)
    {
        _destroying++;
        await FreeBlocksAsync(volume);
        _destroying--;
        if (_destroying == 0) _idle?.TrySetResult();
    }

    private async ValueTask FreeBlocksAsync(Volume volume)
    {
        await DrainAsync(volume);
        for (ulong first = 0; first < volume.BlockCount; first += DestroyBlocks)
        {
            if (_isClosed || pool.Stopped != IoStatus.Ok) return;
            volume.EnterHoles(new BlockRange(first, Math.Min(DestroyBlocks, volume.BlockCount - first)));
            if (await pacer!.RequestAsync() != IoStatus.Ok) return;
        }

        if (_isClosed || pool.Stopped != IoStatus.Ok) return;
        Check.That(volume.Root.Pointer.IsHole && volume.Pending.IsEmpty && volume.Frozen is null);
        pool.Slots[(int)volume.Slot] = null;
        checkpoint.RemovedSlots.Add(volume.Slot);
        PoolLog.VolumeDestroyed(pool.Logger, volume.Name);
        volume.Dispose();
    }

    private async ValueTask<Fault?> LogSettingsAsync(Volume volume)
    {
        pool.Log!.AppendDatasetPut(volume.Slot, volume.Record);
        IoStatus status = await pool.Log.CommitAsync();
        return status == IoStatus.Ok ? null : Stopped();
    }

    private DatasetRecord NewRecord(string shortName, long sizeBytes, int blockSizeBytes)
    {
        byte[] id = new byte[16];
        pool.Loop.FillRandom(id);
        return new DatasetRecord
        {
            State = DatasetState.Volume,
            Name = shortName,
            Id = new Guid(id),
            BlockShift = (byte)BitOperations.Log2((uint)blockSizeBytes),
            SizeBytes = RoundUp(sizeBytes, blockSizeBytes),
            Height = 1,
            CreatedUnixNanoseconds = (pool.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
            BirthEpoch = pool.Epoch,
        };
    }

    private Fault? Refusal()
    {
        if (_isClosed) return new Fault("pool-closing", $"pool '{pool.Devices.PoolName}' is being closed");
        if (pool.Stopped != IoStatus.Ok) return Stopped();
        return pool.IsReadOnly
            ? new Fault("pool-readonly", $"pool '{pool.Devices.PoolName}' is imported read-only",
                "Export and import it again")
            : null;
    }

    private Fault Stopped() => new(
        "pool-stopped", $"pool '{pool.Devices.PoolName}' has stopped: {pool.StopReason}",
        "Look at: cstor pool status; export it with -f, mend the devices and import it again");

    private Fault NotFound(string shortName) => new(
        "no-such-volume", $"there is no volume {pool.Devices.PoolName}/{shortName}",
        "List them with: cstor volume list");

    private static Fault? CheckName(string name)
    {
        bool right = name.Length is > 0 and <= NameMaximumLength && char.IsAsciiLetterOrDigit(name[0])
            && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return right ? null : new Fault(
            "bad-name", $"'{name}' is no volume name",
            $"Use 1 to {NameMaximumLength} letters, digits and - _ . beginning with a letter or digit");
    }

    private static Fault? CheckShape(long sizeBytes, int blockSizeBytes)
    {
        if (!BitOperations.IsPow2(blockSizeBytes)
            || blockSizeBytes is < Layout.MinimumBlockBytes or > Layout.MaximumBlockBytes)
            return new Fault("bad-block-size", $"a block of {blockSizeBytes} bytes is not possible",
                "Use a power of two from 4K to 128K");
        return sizeBytes is > 0 and <= MaximumVolumeBytes ? null : new Fault(
            "bad-size", $"a volume of {sizeBytes} bytes is not possible",
            "Use at least one block and at most 1P");
    }

    private static long RoundUp(long sizeBytes, int blockSizeBytes) =>
        (sizeBytes + blockSizeBytes - 1) & -(long)blockSizeBytes;
}
