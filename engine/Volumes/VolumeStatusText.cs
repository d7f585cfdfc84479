using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>A volume's state in the words of the command line.</summary>
internal static class VolumeStatusText
{
    public static VolumeStatus Describe(Volume volume)
    {
        DatasetRecord record = volume.RecordNow();
        LineSpace line = LineSpace.Of(volume);
        return new VolumeStatus(
            volume.Name,
            record.Id,
            record.SizeBytes,
            volume.BlockSizeBytes,
            record.AllocatedSectors * Layout.SectorBytes,
            record.MappedBlocks << record.BlockShift,
            record.Compression,
            record.CompressionLevel,
            VolumeProperties.TextOf(record.Sync),
            volume.CreatedAt,
            StateOf(record),
            line.UsedSectors * Layout.SectorBytes,
            line.SnapshotSectors * Layout.SectorBytes,
            record.StoredSectors * Layout.SectorBytes,
            VersionChanges.OriginOf(volume)?.Name ?? "",
            line.Snapshots,
            volume.Guarantee.ReservedSectors * Layout.SectorBytes,
            record.SnapshotQuotaBytes,
            DestroyedPercent(record),
            VolumeProperties.List(ref record));
    }

    public static SnapshotStatus Describe(
        Snapshot snapshot, long? uniqueSectors, IReadOnlyList<string> clones)
    {
        DatasetRecord record = snapshot.RecordNow();
        return new SnapshotStatus(
            snapshot.Name,
            record.Id,
            snapshot.Owner.Name,
            snapshot.CreatedAt,
            record.SizeBytes,
            record.AllocatedSectors * Layout.SectorBytes,
            uniqueSectors * Layout.SectorBytes,
            record.MappedBlocks << record.BlockShift,
            snapshot.Holds,
            clones,
            StateOf(record),
            DestroyedPercent(record));
    }

    public static string CompressionText(in DatasetRecord record) => record.Compression switch
    {
        CompressionKind.Off => "off",
        CompressionKind.Lz4 => "lz4",
        _ => record.CompressionLevel == 0
            ? "zstd"
            : string.Create(CultureInfo.InvariantCulture, $"zstd-{record.CompressionLevel}"),
    };

    private static string StateOf(in DatasetRecord record) => record.IsDestroying ? "destroying" : "online";

    public static int DestroyedPercent(in DatasetRecord record) =>
        (int)(record.ErasedBlocks * 100 / (ulong)Math.Max(1, record.BlockCount));
}
