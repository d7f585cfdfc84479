using System.Runtime.InteropServices;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;

namespace Cstor.PoolLayout.Printing;

// What `cstor debug label|uberblock|tree|log` prints. Takes bytes as they came from a device, whatever they
// are: says first what is wrong with them, then what they seem to say. Writes text and nothing else.

/// <summary>Prints structures as text for people.</summary>
public static class StructurePrinter
{
    /// <summary>Fields as lines of offset, length, name and value.</summary>
    public static void Describe(TextWriter output, IReadOnlyList<FieldRow> rows)
    {
        foreach (FieldRow row in rows)
            output.WriteLine($"{row.Offset,6} {row.Bytes,5}  {row.Name,-26} {row.Value}");
    }

    /// <summary>One label.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="block">The <see cref="Layout.LabelConfigBytes"/> from where the configuration
    /// begins.</param>
    public static void DescribeLabel(TextWriter output, ReadOnlySpan<byte> block)
    {
        LabelCondition condition = LabelBlock.Read(block, out _, out string reason);
        output.WriteLine(reason.Length == 0
            ? $"label: {Words.Of(condition.ToString())}"
            : $"label: {Words.Of(condition.ToString())} ({reason})");
        if (condition is not (LabelCondition.Whole or LabelCondition.Unknown)) return;
        Describe(output, RecordFields.OfLabelHeader(block));
        LabelBlock.ReadText(block, out string text, out _);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            output.WriteLine("  " + Words.Safe(line));
    }

    /// <summary>One slot of an uberblock ring.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="sector">Its <see cref="Layout.UberblockBytes"/>.</param>
    public static void DescribeUberblock(TextWriter output, ReadOnlySpan<byte> sector)
    {
        if (ZeroBlock.IsZero(sector))
        {
            output.WriteLine("uberblock: none (zeroes)");
            return;
        }

        string? reason = Uberblock.TryRead(sector, out Uberblock uberblock);
        output.WriteLine(reason is null ? "uberblock: valid" : $"uberblock: INVALID ({reason})");
        if (uberblock.Magic == Uberblock.MagicValue) Describe(output, RecordFields.Of(uberblock));
    }

    /// <summary>A node of a block tree: its pointers that are not holes.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="node">Its <see cref="Layout.NodeBytes"/>.</param>
    /// <param name="level">1: its pointers name blocks; above: nodes of the level below.</param>
    /// <param name="firstBlock">The first block that it covers.</param>
    public static void DescribeNode(TextWriter output, ReadOnlySpan<byte> node, int level, ulong firstBlock)
    {
        ReadOnlySpan<BlockPointer> pointers = MemoryMarshal.Cast<byte, BlockPointer>(node);
        int shift = (level - 1) * Layout.NodeFanoutShift;
        int holes = 0;
        for (int i = 0; i < pointers.Length; i++)
        {
            if (pointers[i] == BlockPointer.Hole)
            {
                holes++;
                continue;
            }

            string reason = pointers[i].Validate() is { } text ? $"INVALID ({text}) " : "";
            string what = level > 1 ? "node" : "block";
            output.WriteLine($"{what} {firstBlock + ((ulong)i << shift)}: {reason}{pointers[i]}");
        }

        output.WriteLine($"level {level}: {pointers.Length - holes} pointers, {holes} holes");
    }

    /// <summary>A block of the dataset table.</summary>
    public static void DescribeDataset(TextWriter output, ReadOnlySpan<byte> block)
    {
        string? reason = DatasetRecord.TryRead(block, out DatasetRecord record);
        output.WriteLine(reason is null ? "dataset: valid" : $"dataset: INVALID ({reason})");
        Describe(output, RecordFields.Of(record));
    }

    /// <summary>A block of the space log: header and entries.</summary>
    public static void DescribeSpaceLog(TextWriter output, ReadOnlySpan<byte> block)
    {
        string? reason = SpaceLogHeader.TryRead(block, out SpaceLogHeader header);
        output.WriteLine(reason is null ? "space log block: valid" : $"space log block: INVALID ({reason})");
        if (header.Magic == SpaceLogHeader.MagicValue) Describe(output, RecordFields.Of(header));
        if (reason is not null) return;
        ReadOnlySpan<byte> entries = block[SpaceLogHeader.Bytes..header.TotalBytes];
        foreach (SpaceLogEntry entry in MemoryMarshal.Cast<byte, SpaceLogEntry>(entries))
        {
            string invalid = entry.Validate() is { } text ? $"INVALID ({text}) " : "";
            string change = Words.Of(entry.Change.ToString());
            output.WriteLine($"  {invalid}{change} {entry.Place} +{entry.SectorCount}");
        }
    }

    /// <summary>A group of the commit log: header and records.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="group">From the group's start; may go on behind its end.</param>
    /// <returns>Whole sectors that the group takes, or 0 if there is none.</returns>
    public static int DescribeGroup(TextWriter output, ReadOnlySpan<byte> group)
    {
        Span<byte> scratch = stackalloc byte[LogGroupHeader.Bytes];
        string? reason = "truncated";
        LogGroupHeader header = default;
        if (group.Length >= LogGroupHeader.Bytes) reason = LogGroupHeader.TryReadHeader(group, out header);
        if (reason is null && header.TotalBytes > group.Length) reason = "truncated";
        if (reason is null && !LogGroupHeader.ChecksumHolds(group, header, scratch))
            reason = "checksum mismatch";
        output.WriteLine(reason is null ? "log group: valid" : $"log group: INVALID ({reason})");
        if (header.Magic == LogGroupHeader.MagicValue) Describe(output, RecordFields.Of(header));
        if (reason is not null) return 0;
        DescribeRecords(output, group.Slice(LogGroupHeader.Bytes, (int)header.RecordBytes));
        return header.TotalBytes;
    }

    private static void DescribeRecords(TextWriter output, ReadOnlySpan<byte> records)
    {
        while (!records.IsEmpty)
        {
            string? reason = LogRecordHeader.TryRead(records, out LogRecordHeader header);
            if (reason is not null)
            {
                output.WriteLine($"  INVALID ({reason}); {records.Length} bytes not read");
                return;
            }

            output.WriteLine("  " + RecordText(header, records));
            records = records[header.LengthBytes..];
        }
    }

    private static string RecordText(in LogRecordHeader header, ReadOnlySpan<byte> record)
    {
        string kind = $"{Words.Of(header.Kind.ToString())} slot {header.Slot}";
        switch (header.Kind)
        {
            case LogRecordKind.Write:
                LogWriteRecord write = MemoryMarshal.Read<LogWriteRecord>(record);
                return $"{kind} block {write.Block}: {write.Pointer}";
            case LogRecordKind.Unmap:
                LogUnmapRecord unmap = MemoryMarshal.Read<LogUnmapRecord>(record);
                return $"{kind} blocks {unmap.FirstBlock} +{unmap.BlockCount}";
            case LogRecordKind.DatasetPut:
                ReadOnlySpan<byte> block = record[LogRecordHeader.Bytes..header.LengthBytes];
                string? reason = DatasetRecord.TryRead(block, out DatasetRecord dataset);
                return reason is null
                    ? $"{kind} {Words.Quoted(dataset.Name)}, {dataset.SizeBytes} bytes"
                    : $"{kind} INVALID ({reason})";
            case LogRecordKind.Snapshot:
                LogSnapshotRecord snapshot = MemoryMarshal.Read<LogSnapshotRecord>(record);
                return $"{kind} {Words.Quoted(snapshot.Name)} in slot {snapshot.SnapshotSlot}, "
                    + $"epoch {snapshot.Epoch}";
            case LogRecordKind.Rollback:
                LogRollbackRecord rollback = MemoryMarshal.Read<LogRollbackRecord>(record);
                return $"{kind} to slot {rollback.SnapshotSlot}, discarded in {rollback.DiscardedSlot}";
            case LogRecordKind.Part:
                LogPartRecord part = MemoryMarshal.Read<LogPartRecord>(record);
                return $"{kind} block {part.Block}: {part.DataBytes} bytes at {part.OffsetBytes}";
            case LogRecordKind.Position:
                LogPositionRecord position = MemoryMarshal.Read<LogPositionRecord>(record);
                return $"{kind} epoch {position.Epoch} index {position.Index}";
            default:
                return kind;
        }
    }
}
