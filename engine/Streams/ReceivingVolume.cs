using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Makes a volume ready for a stream: a new one, one that is exactly the snapshot from which the stream goes
/// on, or one that has part of this stream already. From then on it carries the mark.
/// </summary>
internal sealed class ReceivingVolume(StreamParts parts, ReceiveRequest request, StreamBegin begin)
{
    private readonly PoolCore _pool = parts.Pool;

    private string Name => $"{_pool.Devices.PoolName}/{request.Volume}";

    /// <summary>Finds or makes the volume and takes it for this transfer.</summary>
    public async ValueTask<Outcome<Volume>> PrepareAsync()
    {
        if (parts.Changes.Refusal() is { } refusal) return refusal;
        if (DatasetChanges.CheckName(begin.Snapshot, "snapshot") is { } bad) return bad;
        Volume? known = parts.Changes.FindVolume(request.Volume);
        if (known is { IsBeingReceived: true }) return Busy();
        if (known?.Receiving is null && begin.FirstBlock > 0)
            return new Fault("stream-gap", $"the stream is the rest of one, and {Name} has no part of it",
                "Send it from its beginning");
        if (known is null) return await MakeAsync();
        // Closed to changes from now on; those that began before end first.
        known.IsBeingReceived = true;
        BlockRange all = new(0, known.BlockCount);
        await known.Locks.AcquireAsync(all);
        known.Locks.Release(all);
        Fault? fault = known.Receiving is { } mark ? await ResumeAsync(known, mark) : await GoOnAsync(known);
        if (fault is null) return known;
        known.IsBeingReceived = false;
        return fault;
    }

    /// <summary>Writes the mark, durably.</summary>
    public static async ValueTask<Fault?> MarkAsync(
        DatasetChanges changes, Volume volume, ReceivingMark? mark)
    {
        DatasetRecord record = volume.Record;
        Fault? bad = VolumeProperties.Set(ref record, ReceivingMark.Property, mark?.ToString() ?? "");
        if (bad is not null) return bad;
        volume.ApplySettings(record);
        return await changes.LogSettingsAsync(volume);
    }

    private async ValueTask<Fault?> ResumeAsync(Volume volume, ReceivingMark mark)
    {
        if (mark.FromId != begin.FromId || mark.ToId != begin.ToId)
            return new Fault("volume-receiving", $"{Name} is half way through another stream ({mark})",
                "Send the rest of that: cstor volume send --resume; or give it up: "
                    + "cstor volume receive --abort");
        if (begin.FirstBlock > mark.Block)
            return new Fault("stream-gap",
                $"the stream begins at block {begin.FirstBlock}, and {Name} has what is before {mark.Block}",
                $"Send the rest with: cstor volume send --resume {mark}");
        return volume.BlockShift == begin.BlockShift ? await ShapeAsync(volume, mark) : OtherBlocks();
    }

    private async ValueTask<Outcome<Volume>> MakeAsync()
    {
        Snapshot? origin = null;
        foreach (Dataset? dataset in _pool.Slots)
            if (dataset is Snapshot { IsClosed: false } snapshot && snapshot.Id == begin.FromId)
                origin = snapshot;
        if (origin is null && !begin.IsFull)
            return new Fault("no-such-volume",
                $"there is no volume {Name}, and the stream holds only what changed since a snapshot",
                "Receive a full stream first: cstor volume send without -i");
        if (origin is not null && origin.BlockShift != begin.BlockShift) return OtherBlocks();
        KeyValuePair<string, string>[] properties =
            [CompressionOf(begin), new(ReceivingMark.Property, Mark.ToString())];
        // What is made from a snapshot of another volume is a clone of that, as it was where it comes from.
        Outcome<Volume> made = origin is null
            ? await parts.Volumes.CreateAsync(
                request.Volume, begin.SizeBytes, 1 << begin.BlockShift, properties)
            : await parts.Volumes.CloneAsync(origin, request.Volume, properties);
        if (!made.IsOk) return made;
        if (made.Value.IsBeingReceived) return Busy();
        made.Value.IsBeingReceived = true;
        Fault? fault = origin is null ? null : await FaultOfBaseAsync(made.Value, origin);
        fault ??= await ShapeAsync(made.Value, Mark);
        if (fault is null) return made;
        made.Value.IsBeingReceived = false;
        await parts.Volumes.DestroyAsync(request.Volume, withSnapshots: false);
        return fault;
    }

    private async ValueTask<Fault?> GoOnAsync(Volume volume)
    {
        if (begin.IsFull)
            return new Fault("volume-exists", $"{Name} exists already, and the stream is a full one",
                "Receive it into a new volume, or send from a snapshot that this one has: -i");
        if (volume.BlockShift != begin.BlockShift) return OtherBlocks();
        if (request.Force && await RollBackAsync(volume) is { } refused) return refused;
        bool isBase = volume.Previous is { IsClosed: false } newest
            && newest.Owner == volume && newest.Id == begin.FromId;
        if (!isBase)
            return new Fault("stream-base",
                $"the newest snapshot of {Name} is not the one from which the stream goes on",
                "Receive what comes before it first; or go back to that snapshot, if there is one: -F");
        return await FaultOfBaseAsync(volume, volume.Previous!) ?? await ShapeAsync(volume, Mark);
    }

    private async ValueTask<Fault?> RollBackAsync(Volume volume)
    {
        foreach (Snapshot snapshot in parts.Changes.SnapshotsOf(volume))
        {
            if (snapshot.Id != begin.FromId) continue;
            Outcome<Unit> done = await parts.Snapshots.RollbackAsync(
                request.Volume, snapshot.ShortName, destroyNewer: true);
            return done.Fault;
        }

        return null;
    }

    // The volume must be the snapshot, and the snapshot that of the sender.
    private async ValueTask<Fault?> FaultOfBaseAsync(Volume volume, Snapshot from)
    {
        IoStatus status = await parts.SettleAsync(from);
        if (status == IoStatus.Ok) status = await parts.SettleAsync(volume);
        Hash128 now = default;
        Hash128 before = default;
        if (status == IoStatus.Ok) (status, now) = await parts.ContentHashAsync(volume);
        if (status == IoStatus.Ok) (status, before) = await parts.ContentHashAsync(from);
        if (volume.IsClosed) return new Fault("no-such-volume", $"{Name} was destroyed meanwhile");
        if (status != IoStatus.Ok)
            return new Fault("stream-read", $"the tree of {Name} cannot be read ({status})",
                "See: cstor pool status");
        if (before != begin.FromContentHash)
            return new Fault("stream-base", $"{from.Name} is not what it was where the stream comes from",
                "One of the two was damaged, or is another; send everything, to a new volume");
        return now == before && volume.SizeBytes == from.SizeBytes ? null : new Fault(
            "volume-changed", $"{Name} has changed since {from.Name}",
            "Undo that with -F; to keep it, take a snapshot and make a clone first");
    }

    // Size and mark in one record.
    private async ValueTask<Fault?> ShapeAsync(Volume volume, ReceivingMark mark)
    {
        ulong blocks = (ulong)(begin.SizeBytes >> begin.BlockShift);
        if (blocks < volume.BlockCount)
            volume.PublishHoles(new BlockRange(blocks, volume.BlockCount - blocks));
        volume.Record.SizeBytes = begin.SizeBytes;
        return await MarkAsync(parts.Changes, volume, mark);
    }

    private Fault Busy() =>
        new("volume-busy", $"a stream is being received into {Name}", "Wait for its end");

    private Fault OtherBlocks() =>
        new("stream-shape", $"{Name} has blocks of another size", "Receive into a new volume");

    private ReceivingMark Mark => new(begin.FromId, begin.ToId, 0);

    private static KeyValuePair<string, string> CompressionOf(StreamBegin begin) => new(
        "compression",
        begin.Compression switch
        {
            CompressionKind.Lz4 => "lz4",
            CompressionKind.Zstd when begin.CompressionLevel > 0 => $"zstd-{begin.CompressionLevel}",
            CompressionKind.Zstd => "zstd",
            _ => "off",
        });
}
