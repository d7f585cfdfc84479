using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>A volume's state in the words of the command line.</summary>
internal static class VolumeStatusText
{
    public static VolumeStatus Describe(Volume volume)
    {
        ref DatasetRecord record = ref volume.Record;
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
            DateTimeOffset.UnixEpoch.AddTicks(record.CreatedUnixNanoseconds / 100),
            record.State == DatasetState.Destroying ? "destroying" : "online",
            VolumeProperties.List(ref record));
    }

    public static string CompressionText(in DatasetRecord record) => record.Compression switch
    {
        CompressionKind.Off => "off",
        CompressionKind.Lz4 => "lz4",
        _ => record.CompressionLevel == 0
            ? "zstd"
            : string.Create(CultureInfo.InvariantCulture, $"zstd-{record.CompressionLevel}"),
    };
}
