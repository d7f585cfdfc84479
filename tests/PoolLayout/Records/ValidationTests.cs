using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.PoolLayout.Records;

/// <summary>Each field that can be wrong is refused with a reason that names it.</summary>
public sealed class ValidationTests
{

    [Fact]
    public void The_examples_are_valid()
    {
        Assert.Null(RecordExamples.Pointer.Validate());
        Assert.Null(RecordExamples.DataPointer.Validate());
        Assert.Null(BlockPointer.Hole.Validate());
        Assert.Null(RecordExamples.SpaceEntry.Validate());
        Assert.Null(Uberblock.TryRead(RecordExamples.UberblockBytes(), out _));
        Assert.Null(DatasetRecord.TryRead(RecordExamples.DatasetBytes(), out _));
        Assert.Null(SpaceLogHeader.TryRead(RecordExamples.SpaceLogBytes(), out _));
        Assert.Null(LogGroupHeader.TryReadHeader(RecordExamples.GroupBytes(), out _));
    }

    [Fact]
    public void Pointers()
    {
        BlockPointer good = RecordExamples.Pointer;
        Refused("no place", (good with { Place0 = BlockPlace.None }).Validate());
        Refused("logical length", (good with { LogicalShift = 11 }).Validate());
        Refused("logical length", (good with { LogicalShift = 25 }).Validate());
        Refused("compression", (good with { Compression = (CompressionKind)3 }).Validate());
        Refused("checksum", (good with { ChecksumKind = 0 }).Validate());
        Refused("checksum", (good with { ChecksumKind = (ChecksumKind)3 }).Validate());
        Assert.Null((good with { ChecksumKind = ChecksumKind.Blake3 }).Validate());
        Refused("physical length", (good with { PhysicalBytes = 0 }).Validate());
        Refused("physical length", (good with { PhysicalBytes = 16385 }).Validate());
        Refused("physical length", (good with { PhysicalBytes = uint.MaxValue }).Validate());
        Refused("sectors", (good with { AllocatedSectors = 5 }).Validate());
        Refused("leftover", (good with { BirthEpoch = 0 }).Validate());
        byte[] bytes = RecordExamples.BytesOf(good);
        bytes[22] = 1;
        Refused("reserved", MemoryMarshal.Read<BlockPointer>(bytes).Validate());
    }

    [Fact]
    public void Uberblocks()
    {
        Uberblock good = RecordExamples.Uberblock;
        Refused("version 1", (good with { Version = 1 }).Validate());
        Refused("sector", (good with { SectorShift = 9 }).Validate());
        Refused("zero number", (good with { Number = 0 }).Validate());
        Refused("zero number", (good with { Epoch = 0 }).Validate());
        Refused("reserved", (good with { Reserved0 = 1 }).Validate());
        Refused("height", (good with { DatasetHeight = 0 }).Validate());
        Refused("height", (good with { DatasetHeight = 7 }).Validate());
        Refused("height", (good with { SpaceMapHeight = 0 }).Validate());
        Refused("log offset", (good with { LogOffsetBytes = Layout.LogSegmentBytes + 4096 }).Validate());
        Refused("log offset", (good with { LogOffsetBytes = 512 }).Validate());
        Refused("no log", (good with { LogPlace0 = BlockPlace.None }).Validate());
        Refused("no log", (good with { LogNext0 = BlockPlace.None }).Validate());
        Refused("accounting", (good with { AllocatedSectors = -1 }).Validate());
        ScanRecord scan = RecordExamples.Scan;
        Refused("scan state", (good with { Scrub = scan with { State = (ScanState)5 } }).Validate());
        Refused("scan stage", (good with { Resilver = scan with { Stage = (ScanStage)5 } }).Validate());
        Refused("reserved", (good with { Scrub = scan with { Reserved0 = 1 } }).Validate());
        Refused("scan counter", (good with { Resilver = scan with { LostBlocks = -1 } }).Validate());
        Refused("scan counter", (good with { Scrub = scan with { ExaminedBytes = -1 } }).Validate());
        BlockPointer bad = RecordExamples.Pointer with { LogicalShift = 3 };
        Refused("logical length", (good with { DatasetRoot = bad }).Validate());
        Refused("logical length", (good with { SpaceMapRoot = bad }).Validate());
        Refused("logical length", (good with { SpaceLogHead = bad }).Validate());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(552)]
    [InlineData(560)]
    [InlineData(4000)]
    public void An_uberblock_that_someone_sealed_with_strange_bytes_is_refused(int offset)
    {
        byte[] sector = RecordExamples.UberblockBytes();
        sector[offset] ^= 1;
        Xxh128.Compute(sector.AsSpan(0, Uberblock.ChecksumOffset))
            .Write(sector.AsSpan(Uberblock.ChecksumOffset));
        Refused(offset == 0 ? "no magic" : "reserved", Uberblock.TryRead(sector, out _));
    }

    [Fact]
    public void Datasets()
    {
        DatasetRecord good = RecordExamples.Dataset;
        Refused("dataset state", (good with { State = DatasetState.Free }).Validate());
        Refused("dataset state", (good with { State = (DatasetState)5 }).Validate());
        Refused("owner", (good with { State = DatasetState.Snapshot }).Validate());
        Refused("owner", (good with { Owner = 1 }).Validate());
        Refused("snapshot epoch", (good with { SnapshotEpoch = 1 }).Validate());
        Refused("checksum", (good with { Checksum = (ChecksumKind)3 }).Validate());
        Refused("cache policy", (good with { Cache = (CachePolicy)3 }).Validate());
        Refused("accounting", (good with { DroppedSectors = -1 }).Validate());
        Refused("accounting", (good with { StoredSectors = -1 }).Validate());
        Refused("quota", (good with { SnapshotQuotaBytes = -1 }).Validate());
        Refused("compression", (good with { Compression = (CompressionKind)3 }).Validate());
        Refused("compression level", (good with { CompressionLevel = 20 }).Validate());
        Refused("sync", (good with { Sync = (SyncMode)3 }).Validate());
        Refused("block", (good with { BlockShift = 11 }).Validate());
        Refused("block", (good with { BlockShift = 18 }).Validate());
        Refused("read-only", (good with { ReadOnly = 2 }).Validate());
        Refused("height", (good with { Height = 0 }).Validate());
        Refused("name", (good with { NameBytes = 0 }).Validate());
        Refused("size", (good with { SizeBytes = 0 }).Validate());
        Refused("size", (good with { SizeBytes = 4096 }).Validate());
        Refused("size", (good with { SizeBytes = -16384 }).Validate());
        Refused("accounting", (good with { AllocatedSectors = -1 }).Validate());
        Refused("accounting", (good with { MappedBlocks = -1 }).Validate());
        Refused("properties", (good with { PropertyBytes = 2049 }).Validate());
        BlockPointer bad = RecordExamples.Pointer with { PhysicalBytes = 0 };
        Refused("physical length", (good with { Root = bad }).Validate());
    }

    [Theory]
    [InlineData(140)]
    [InlineData(208)]
    [InlineData(511)]
    [InlineData(512 + 15)]
    [InlineData(767)]
    [InlineData(768)]
    [InlineData(1023)]
    [InlineData(1024 + 26)]
    [InlineData(3072)]
    [InlineData(4095)]
    public void A_dataset_record_with_bytes_where_none_belong_is_refused(int offset)
    {
        byte[] block = RecordExamples.DatasetBytes();
        block[offset] = 1;
        Refused("reserved", DatasetRecord.TryRead(block, out _));
    }

    [Fact]
    public void Lengths_in_a_damaged_dataset_record_are_not_believed()
    {
        DatasetRecord record = RecordExamples.Dataset;
        record.PropertyBytes = ushort.MaxValue;
        record.NameBytes = 255;
        Assert.Equal(DatasetRecord.PropertyMaximumBytes, record.Properties.Length);
        Assert.Equal(255, record.Name.Length);
    }

    [Fact]
    public void Log_groups()
    {
        Refused("no magic", Header(0, 1));
        Refused("record length", Header(32, 0xFF, 0xFF, 0xFF, 0xFF));
        Refused("multiple of 8", Header(32, 4, 0, 0, 0));
        Refused("before it was written", Header(24, 0xE8, 3));
        Refused("continued", Header(72, 2));
        Refused("reserved", Header(76, 1));
        Refused("reserved", Header(96, 1));
        Refused("reserved", Header(127, 1));
    }

    [Fact]
    public void Log_records()
    {
        byte[] write = RecordExamples.BytesOf(RecordExamples.Write);
        Assert.Null(LogRecordHeader.TryRead(write, out _));
        Refused("truncated", LogRecordHeader.TryRead(write.AsSpan(0, 7), out _));
        Refused("beyond", LogRecordHeader.TryRead(write.AsSpan(0, 79), out _));
        write[2]++;
        Refused("expected 80", LogRecordHeader.TryRead(write, out _));
        write[0] = 9;
        Refused("kind 9", LogRecordHeader.TryRead(write, out _));
        write[0] = 0;
        Refused("kind 0", LogRecordHeader.TryRead(write, out _));
    }

    [Fact]
    public void Space_log_blocks()
    {
        byte[] good = RecordExamples.SpaceLogBytes();
        Refused("truncated", SpaceLogHeader.TryRead(good.AsSpan(0, 95), out _));
        Refused("beyond", SpaceLogHeader.TryRead(good.AsSpan(0, good.Length - 1), out _));
        Refused("no magic", Space(0, 0));
        Refused("entries", Space(19, 0xFF));
        Refused("reserved", Space(20, 1));
        Refused("reserved", Space(31, 1));
        Refused("logical length", Space(32 + 26, 40));
        Refused("empty run", (RecordExamples.SpaceEntry with { SectorCount = 0 }).Validate());
        Refused("empty run", (RecordExamples.SpaceEntry with { Place = BlockPlace.None }).Validate());
        Refused("change 3", (RecordExamples.SpaceEntry with { Change = (SpaceChange)3 }).Validate());
    }

    private static void Refused(string fragment, string? reason) => Assert.Contains(fragment, reason);

    private static string? Header(int offset, params byte[] bytes)
    {
        byte[] group = RecordExamples.GroupBytes();
        bytes.CopyTo(group, offset);
        return LogGroupHeader.TryReadHeader(group, out _);
    }

    private static string? Space(int offset, byte value)
    {
        byte[] block = RecordExamples.SpaceLogBytes();
        block[offset] = value;
        return SpaceLogHeader.TryRead(block, out _);
    }
}
