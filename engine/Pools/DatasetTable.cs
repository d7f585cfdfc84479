using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>Brings the datasets of a root into memory.</summary>
internal sealed class DatasetTable(PoolCore core)
{
    // Records read side by side.
    private const int Width = 32;

    private readonly SortedDictionary<uint, DatasetRecord> _records = [];

    /// <summary>Reads all records.</summary>
    public async ValueTask<IoStatus> LoadAsync(ulong slots)
    {
        ulong next = 0;
        IoStatus status = IoStatus.Ok;
        Task[] lanes = new Task[Math.Min(Width, (int)slots)];
        for (int i = 0; i < lanes.Length; i++) lanes[i] = LoadLaneAsync();
        foreach (Task lane in lanes) await lane;
        while ((ulong)core.Slots.Count < slots) core.Slots.Add(null);
        return status;

        async Task LoadLaneAsync()
        {
            IoBuffer buffer = core.Loop.Buffers.Rent(DatasetRecord.Bytes);
            while (next < slots && status == IoStatus.Ok)
            {
                IoStatus loaded = await LoadAsync((uint)next++, buffer);
                if (loaded != IoStatus.Ok) status = loaded;
            }

            buffer.Release();
        }
    }

    /// <summary>Makes datasets of the records: volumes, then snapshots, then who follows whom.</summary>
    /// <returns>Reason why the records cannot belong together, or null.</returns>
    public string? Link()
    {
        foreach ((uint slot, DatasetRecord record) in _records)
            if (!record.IsSnapshot)
                core.Slots[(int)slot] = new Volume(core, slot, record, TreeOf(record));
        foreach ((uint slot, DatasetRecord record) in _records)
        {
            if (!record.IsSnapshot) continue;
            if (At(record.Owner) is not Volume owner) return $"slot {slot} is a snapshot of no volume";
            core.Slots[(int)slot] = new Snapshot(core, slot, record, TreeOf(record), owner);
        }

        foreach ((uint slot, DatasetRecord record) in _records)
        {
            if (record.Previous == 0) continue;
            if (At(record.Previous) is not Snapshot previous) return $"slot {slot} follows no snapshot";
            core.Slots[(int)slot]!.Previous = previous;
            bool isLater = !record.IsSnapshot || record.SnapshotEpoch > previous.Epoch;
            if (!isLater) return $"slot {slot} follows a snapshot that is younger";
        }

        foreach (Dataset? dataset in core.Slots)
            if (dataset is Volume { Record.IsDestroying: true })
                VersionChanges.Destroy(dataset);
            else if (dataset is not null)
                dataset.IsClosed = dataset.Record.IsDestroying;
        return null;
    }

    private async ValueTask<IoStatus> LoadAsync(uint slot, IoBuffer buffer)
    {
        (IoStatus status, BlockPointer pointer) = await core.Trees.FindAsync(core.DatasetTree, slot);
        if (status != IoStatus.Ok || pointer.IsHole) return status;
        status = await core.Reader.ReadApartAsync(pointer, buffer.Slice, DamageKind.Node);
        if (status != IoStatus.Ok) return status;
        if (DatasetRecord.TryRead(buffer.Span, out DatasetRecord record) is not null)
            return IoStatus.ChecksumMismatch;
        _records.Add(slot, record);
        return IoStatus.Ok;
    }

    private Dataset? At(uint link) =>
        link == 0 || link > core.Slots.Count ? null : core.Slots[(int)link - 1];

    private static LayeredTree TreeOf(in DatasetRecord record) => new(new TreeState(
        new TreeRoot(record.Root, record.Height),
        record.AllocatedSectors,
        record.MappedBlocks,
        record.StoredSectors));
}
