using System.Buffers.Binary;
using System.Globalization;
using Cstor.PoolLayout.Records;

namespace Cstor.PoolLayout.Printing;

/// <summary>The fields of every structure on disk, in order and without gaps.</summary>
public static class RecordFields
{
    public static IReadOnlyList<FieldRow> Of(in BlockPointer pointer) => new FieldList()
        .Place("place0", pointer.Place0)
        .Place("place1", pointer.Place1)
        .Number(8, "birth", pointer.BirthEpoch)
        .Number(2, "allocated-sectors", (ulong)pointer.AllocatedSectors)
        .Number(1, "logical-shift", (ulong)pointer.LogicalShift)
        .Text(1, "kinds", $"{Words.Of($"{pointer.Compression}")}, {Words.Of($"{pointer.ChecksumKind}")}")
        .Number(4, "physical-bytes", (ulong)pointer.PhysicalBytes)
        .Hash("checksum", pointer.Checksum)
        .Hash("content-hash", pointer.ContentHash)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in Uberblock uberblock) => new FieldList()
        .Magic("magic", uberblock.Magic)
        .Number(4, "version", (ulong)uberblock.Version)
        .Number(4, "sector-shift", (ulong)uberblock.SectorShift)
        .Guid("pool-guid", uberblock.PoolGuid)
        .Number(8, "number", uberblock.Number)
        .Number(8, "epoch", uberblock.Epoch)
        .Time("unix-nanoseconds", uberblock.UnixNanoseconds)
        .Text(8, "log-generation", uberblock.LogGeneration.ToString("x16", CultureInfo.InvariantCulture))
        .Number(8, "log-sequence", uberblock.LogSequence)
        .Place("log-place0", uberblock.LogPlace0)
        .Place("log-place1", uberblock.LogPlace1)
        .Number(4, "log-offset-bytes", (ulong)uberblock.LogOffsetBytes)
        .Number(1, "dataset-height", (ulong)uberblock.DatasetHeight)
        .Number(1, "space-map-height", (ulong)uberblock.SpaceMapHeight)
        .Reserved(2, "reserved0", uberblock.Reserved0 == 0)
        .Hash("log-previous-checksum", uberblock.LogPreviousChecksum)
        .Pointer("dataset-root", uberblock.DatasetRoot)
        .Pointer("space-map-root", uberblock.SpaceMapRoot)
        .Pointer("space-log-head", uberblock.SpaceLogHead)
        .Number(8, "space-log-blocks", uberblock.SpaceLogBlocks)
        .Number(8, "allocated-sectors", uberblock.AllocatedSectors)
        .Number(8, "dataset-slots", uberblock.DatasetSlots)
        .Place("log-next0", uberblock.LogNext0)
        .Place("log-next1", uberblock.LogNext1)
        .Text(ScanRecord.Bytes, "scrub", Summary(uberblock.Scrub))
        .Text(ScanRecord.Bytes, "resilver", Summary(uberblock.Resilver))
        .ReservedTo(Uberblock.ChecksumOffset)
        .Hash("checksum", uberblock.Checksum)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in ScanRecord record) => new FieldList()
        .Enum(1, "state", record.State)
        .Enum(1, "stage", record.Stage)
        .Reserved(2, "reserved0", record.Reserved0 == 0)
        .Number(4, "slot", (ulong)record.Slot)
        .Number(8, "block", record.Block)
        .Time("started-unix-nanoseconds", record.StartedUnixNanoseconds)
        .Time("ended-unix-nanoseconds", record.EndedUnixNanoseconds)
        .Number(8, "examined-bytes", record.ExaminedBytes)
        .Number(8, "total-bytes", record.TotalBytes)
        .Number(8, "issued-bytes", record.IssuedBytes)
        .Number(8, "repaired-blocks", record.RepairedBlocks)
        .Number(8, "lost-blocks", record.LostBlocks)
        .Hash("targets", record.Targets)
        .Number(8, "start-epoch", record.StartEpoch)
        .Number(8, "dataset-birth", record.DatasetBirth)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogGroupHeader header) => new FieldList()
        .Magic("magic", header.Magic)
        .Text(8, "generation", header.Generation.ToString("x16", CultureInfo.InvariantCulture))
        .Number(8, "sequence", header.Sequence)
        .Number(8, "flushed-through", header.FlushedThrough)
        .Number(4, "record-bytes", (ulong)header.RecordBytes)
        .Number(4, "record-count", (ulong)header.RecordCount)
        .Hash("previous-checksum", header.PreviousChecksum)
        .Place("next-place0", header.NextPlace0)
        .Place("next-place1", header.NextPlace1)
        .Number(4, "is-continued", (ulong)header.IsContinued)
        .Reserved(4, "reserved0", header.Reserved0 == 0)
        .Hash("checksum", header.Checksum)
        .Reserved(16, "reserved1", header.Reserved1 == default)
        .Reserved(16, "reserved2", header.Reserved2 == default)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogRecordHeader header) => new FieldList()
        .Enum(2, "kind", header.Kind)
        .Number(2, "length-bytes", (ulong)header.LengthBytes)
        .Number(4, "slot", (ulong)header.Slot)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogWriteRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(8, "block", record.Block)
        .Pointer("pointer", record.Pointer)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogUnmapRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(8, "first-block", record.FirstBlock)
        .Number(8, "block-count", record.BlockCount)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogPartRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(8, "block", record.Block)
        .Number(4, "offset-bytes", (ulong)record.OffsetBytes)
        .Number(4, "data-bytes", (ulong)record.DataBytes)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogPositionRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(8, "epoch", record.Epoch)
        .Number(8, "index", record.Index)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogSnapshotRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(4, "snapshot-slot", (ulong)record.SnapshotSlot)
        .Number(4, "name-bytes", (ulong)record.NameBytes)
        .Number(8, "epoch", record.Epoch)
        .Time("created-unix-nanoseconds", record.CreatedUnixNanoseconds)
        .Guid("id", record.Id)
        .Text(DatasetRecord.NameMaximumBytes + 1, "name", Words.Quoted(record.Name))
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in LogRollbackRecord record) => new FieldList()
        .Text(LogRecordHeader.Bytes, "header", Summary(record.Header))
        .Number(4, "snapshot-slot", (ulong)record.SnapshotSlot)
        .Number(4, "discarded-slot", (ulong)record.DiscardedSlot)
        .Number(8, "epoch", record.Epoch)
        .Guid("discarded-id", record.DiscardedId)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in SpaceLogHeader header) => new FieldList()
        .Magic("magic", header.Magic)
        .Number(8, "checkpoint", header.Checkpoint)
        .Number(4, "entry-count", (ulong)header.EntryCount)
        .Reserved(4, "reserved0", header.Reserved0 == 0)
        .Reserved(8, "reserved1", header.Reserved1 == 0)
        .Pointer("previous", header.Previous)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in SpaceLogEntry entry) => new FieldList()
        .Place("place", entry.Place)
        .Number(4, "sector-count", (ulong)entry.SectorCount)
        .Enum(4, "change", entry.Change)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(in DatasetRecord record) => new FieldList()
        .Enum(1, "state", record.State)
        .Enum(1, "compression", record.Compression)
        .Number(1, "compression-level", (ulong)record.CompressionLevel)
        .Enum(1, "sync", record.Sync)
        .Number(1, "block-shift", (ulong)record.BlockShift)
        .Number(1, "read-only", (ulong)record.ReadOnly)
        .Number(1, "height", (ulong)record.Height)
        .Number(1, "name-bytes", (ulong)record.NameBytes)
        .Guid("id", record.Id)
        .Number(8, "size-bytes", record.SizeBytes)
        .Time("created-unix-nanoseconds", record.CreatedUnixNanoseconds)
        .Number(8, "birth-epoch", record.BirthEpoch)
        .Pointer("root", record.Root)
        .Number(8, "allocated-sectors", record.AllocatedSectors)
        .Number(8, "mapped-blocks", record.MappedBlocks)
        .Number(2, "property-bytes", (ulong)record.PropertyBytes)
        .Enum(1, "checksum", record.Checksum)
        .Enum(1, "cache", record.Cache)
        .Number(4, "previous", (ulong)record.Previous)
        .Number(4, "owner", (ulong)record.Owner)
        .Reserved(4, "reserved0", record.Reserved0 == 0)
        .Number(8, "snapshot-epoch", record.SnapshotEpoch)
        .Number(8, "dropped-sectors", record.DroppedSectors)
        .Number(8, "stored-sectors", record.StoredSectors)
        .Number(8, "erased-blocks", record.ErasedBlocks)
        .Number(8, "reservation-bytes", record.ReservationBytes)
        .Number(8, "snapshot-quota-bytes", record.SnapshotQuotaBytes)
        .Number(8, "replica-epoch", record.ReplicaEpoch)
        .Number(8, "replica-index", record.ReplicaIndex)
        .ReservedTo(DatasetRecord.NameOffset)
        .Text(DatasetRecord.NameMaximumBytes + 1, "name", Words.Quoted(record.Name))
        .ReservedTo(DatasetRecord.PropertyOffset)
        .Text(DatasetRecord.PropertyMaximumBytes, "properties", Words.Quoted(record.Properties))
        .ReservedTo(DatasetRecord.Bytes)
        .Rows;

    /// <summary>Header of a label's configuration block, and how long the text behind it is.</summary>
    /// <param name="block">At least its first 64 bytes.</param>
    public static IReadOnlyList<FieldRow> OfLabelHeader(ReadOnlySpan<byte> block) => new FieldList()
        .Magic("magic", BinaryPrimitives.ReadUInt64LittleEndian(block))
        .Number(4, "version", (ulong)BinaryPrimitives.ReadUInt32LittleEndian(block[8..]))
        .Number(4, "text-bytes", (ulong)BinaryPrimitives.ReadUInt32LittleEndian(block[12..]))
        .Number(8, "generation", BinaryPrimitives.ReadUInt64LittleEndian(block[16..]))
        .Reserved(24, "reserved", ZeroBlock.IsZero(block[24..48]))
        .Hash("checksum", Hash128.Read(block[48..]))
        .Rows;

    private static string Summary(in ScanRecord record) => record.State == ScanState.None
        ? "none"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{Words.Of($"{record.State}")} at {Words.Of($"{record.Stage}")} {record.Slot}:{record.Block}, "
            + $"{record.ExaminedBytes} of {record.TotalBytes} bytes, {record.RepairedBlocks} repaired, "
            + $"{record.LostBlocks} lost");

    private static string Summary(in LogRecordHeader header) =>
        $"{Words.Of(header.Kind.ToString())}, {header.LengthBytes} bytes, slot {header.Slot}";
}
