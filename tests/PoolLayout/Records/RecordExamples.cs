using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;

namespace Cstor.Tests.PoolLayout.Records;

/// <summary>One fixed, valid example of every structure on disk.</summary>
internal static class RecordExamples
{
    /// <summary>2026-11-21 07:00:00 UTC.</summary>
    private const long Moment = 1_795_244_400_000_000_000;

    internal static BlockPointer Pointer { get; } = new()
    {
        Place0 = new BlockPlace(1, 0x1234),
        Place1 = new BlockPlace(2, 0x56789A),
        AllocatedSectors = 6,
        LogicalShift = 14,
        Compression = CompressionKind.Lz4,
        ChecksumKind = ChecksumKind.Xxh128,
        PhysicalBytes = 9001,
        BirthEpoch = 7,
        Checksum = new Hash128(0x0807060504030201, 0x100F0E0D0C0B0A09),
        ContentHash = new Hash128(0x1817161514131211, 0x201F1E1D1C1B1A19),
    };

    /// <summary>A block of a volume: one copy, not compressed.</summary>
    internal static BlockPointer DataPointer { get; } = new()
    {
        Place0 = new BlockPlace(0, 99),
        AllocatedSectors = 4,
        LogicalShift = 14,
        ChecksumKind = ChecksumKind.Xxh128,
        PhysicalBytes = 16384,
        BirthEpoch = 9,
        Checksum = new Hash128(1, 2),
        ContentHash = new Hash128(1, 2),
    };

    internal static ScanRecord Scan { get; } = new()
    {
        State = ScanState.Paused,
        Stage = ScanStage.Volumes,
        Slot = 2,
        Block = 123_456,
        StartedUnixNanoseconds = Moment,
        EndedUnixNanoseconds = Moment + 1_000_000_000,
        ExaminedBytes = 1L << 30,
        TotalBytes = 3L << 30,
        IssuedBytes = 1L << 31,
        RepairedBlocks = 5,
        LostBlocks = 1,
        Targets = new Hash128(7, 8),
    };

    internal static Uberblock Uberblock { get; } = new()
    {
        Magic = Cstor.PoolLayout.Records.Uberblock.MagicValue,
        Version = Layout.FormatVersion,
        SectorShift = Layout.SectorShift,
        PoolGuid = Guid.Parse("6f1f5d2e-0a3b-4c4d-8e9f-001122334455"),
        Number = 42,
        Epoch = 7,
        UnixNanoseconds = Moment,
        LogGeneration = 0xFEDCBA9876543210,
        LogSequence = 1000,
        LogPlace0 = new BlockPlace(0, 256),
        LogPlace1 = new BlockPlace(1, 512),
        LogNext0 = new BlockPlace(0, 1024),
        LogNext1 = new BlockPlace(1, 2048),
        LogOffsetBytes = 12288,
        LogPreviousChecksum = new Hash128(5, 6),
        DatasetHeight = 1,
        SpaceMapHeight = 3,
        DatasetRoot = Pointer,
        SpaceMapRoot = Pointer with { BirthEpoch = 6 },
        SpaceLogHead = Pointer with { BirthEpoch = 5, LogicalShift = 17 },
        SpaceLogBlocks = 16,
        AllocatedSectors = 123_456,
        DatasetSlots = 3,
        Scrub = Scan,
        Resilver = Scan with { State = ScanState.Finished, Stage = ScanStage.End, Slot = 0, Block = 0 },
    };

    internal static DatasetRecord Dataset { get; } = new()
    {
        State = DatasetState.Volume,
        Compression = CompressionKind.Zstd,
        CompressionLevel = 3,
        Sync = SyncMode.Always,
        BlockShift = 14,
        ReadOnly = 1,
        Height = 2,
        Id = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"),
        SizeBytes = 10L << 30,
        CreatedUnixNanoseconds = Moment,
        BirthEpoch = 4,
        Root = Pointer,
        AllocatedSectors = 5555,
        MappedBlocks = 4444,
        Name = "tank/database-0",
        Properties = "owner=postgres\nsector=512\n",
        Checksum = ChecksumKind.Blake3,
        Cache = CachePolicy.Metadata,
        Previous = 8,
        DroppedSectors = 333,
        StoredSectors = 2222,
        ReservationBytes = 1L << 30,
        SnapshotQuotaBytes = 1L << 29,
        ReplicaEpoch = 3,
        ReplicaIndex = 99_999,
    };

    internal static LogRecordHeader RecordHeader { get; } = Header(LogRecordKind.Promote, 5);

    internal static LogWriteRecord Write { get; } = new()
    {
        Header = Header(LogRecordKind.Write, 2),
        Block = 77,
        Pointer = DataPointer,
    };

    internal static LogUnmapRecord Unmap { get; } = new()
    {
        Header = Header(LogRecordKind.Unmap, 2),
        FirstBlock = 100,
        BlockCount = 50,
    };

    internal static LogSnapshotRecord Snapshot { get; } = new()
    {
        Header = Header(LogRecordKind.Snapshot, 2),
        SnapshotSlot = 7,
        Epoch = 9,
        CreatedUnixNanoseconds = Moment,
        Id = Guid.Parse("00112233-4455-6677-8899-aabbccddee07"),
        Name = "before-upgrade",
    };

    internal static LogRollbackRecord Rollback { get; } = new()
    {
        Header = Header(LogRecordKind.Rollback, 2),
        SnapshotSlot = 7,
        DiscardedSlot = 9,
        Epoch = 11,
        DiscardedId = Guid.Parse("00112233-4455-6677-8899-aabbccddee09"),
    };

    internal static LogPartRecord Part { get; } = new()
    {
        Header = Header(LogRecordKind.Part, 2) with { LengthBytes = LogPartRecord.Bytes + 1024 },
        Block = 78,
        OffsetBytes = 2048,
        DataBytes = 1024,
    };

    internal static LogPositionRecord Position { get; } = new()
    {
        Header = Header(LogRecordKind.Position, 2),
        Epoch = 3,
        Index = 123_456,
    };

    internal static SpaceLogEntry SpaceEntry { get; } = new()
    {
        Place = new BlockPlace(1, 4096),
        SectorCount = 64,
        Change = SpaceChange.Allocated,
    };

    internal static SpaceLogHeader SpaceHeader { get; } = new()
    {
        Magic = SpaceLogHeader.MagicValue,
        Checkpoint = 42,
        EntryCount = 2,
        Previous = Pointer with { BirthEpoch = 6, LogicalShift = 17 },
    };

    internal static PoolLabel Label { get; } = new()
    {
        PoolName = "tank",
        PoolGuid = Guid.Parse("6f1f5d2e-0a3b-4c4d-8e9f-001122334455"),
        State = PoolState.Active,
        Generation = 12,
        Branches = [0x0123_4567_89AB_CDEF],
        DeviceGuid = Guid.Parse("aaaaaaaa-0000-4000-8000-000000000001"),
        HostName = "node-1",
        HostId = Guid.Parse("bbbbbbbb-0000-4000-8000-000000000001"),
        Vdevs =
        [
            new VdevConfig
            {
                Kind = VdevKind.Mirror,
                Guid = Guid.Parse("cccccccc-0000-4000-8000-000000000001"),
                Id = 0,
                SizeSectors = 261_888,
                Children = [Disk(0, "/dev/sdb", 0), Disk(1, "/dev/sdc", 6)],
            },
        ],
    };

    internal static byte[] UberblockBytes()
    {
        byte[] bytes = new byte[Layout.UberblockBytes];
        Uberblock.Write(bytes);
        return bytes;
    }

    internal static byte[] DatasetBytes()
    {
        byte[] bytes = new byte[DatasetRecord.Bytes];
        Dataset.Write(bytes);
        return bytes;
    }

    internal static byte[] SpaceLogBytes()
    {
        byte[] bytes = [.. BytesOf(SpaceHeader), .. BytesOf(SpaceEntry), .. BytesOf(SpaceEntry)];
        bytes[^4] = (byte)SpaceChange.Freed;
        return bytes;
    }

    internal static byte[] LabelBytes()
    {
        byte[] bytes = new byte[Layout.LabelConfigBytes];
        LabelBlock.Write(Label, bytes);
        return bytes;
    }

    /// <summary>A leaf whose first, third and last blocks are there.</summary>
    internal static byte[] NodeBytes()
    {
        byte[] bytes = new byte[Layout.NodeBytes];
        Span<BlockPointer> pointers = MemoryMarshal.Cast<byte, BlockPointer>(bytes.AsSpan());
        pointers[0] = DataPointer;
        pointers[2] = Pointer;
        pointers[^1] = DataPointer with { Place0 = new BlockPlace(3, 1), BirthEpoch = 10 };
        return bytes;
    }

    /// <summary>A sealed group with one record of every kind, padded to the sector.</summary>
    internal static byte[] GroupBytes()
    {
        byte[] records =
        [
            .. BytesOf(Write), .. BytesOf(Unmap),
            .. BytesOf(Header(LogRecordKind.DatasetPut, 3)), .. DatasetBytes(), .. BytesOf(RecordHeader),
            .. BytesOf(Snapshot), .. BytesOf(Rollback), .. BytesOf(Part), .. new byte[Part.DataBytes],
            .. BytesOf(Position),
        ];
        LogGroupHeader header = new()
        {
            Generation = 0xFEDCBA9876543210,
            Sequence = 1000,
            FlushedThrough = 998,
            RecordBytes = (uint)records.Length,
            RecordCount = 8,
            PreviousChecksum = new Hash128(5, 6),
            NextPlace0 = new BlockPlace(0, 1024),
            NextPlace1 = new BlockPlace(1, 2048),
        };
        byte[] group = new byte[header.TotalBytes];
        records.CopyTo(group, LogGroupHeader.Bytes);
        header.Seal(group, new byte[LogGroupHeader.Bytes]);
        return group;
    }

    internal static byte[] BytesOf<T>(in T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();

    /// <summary>The pointer's view of some bytes: what a parent vouches for.</summary>
    internal static bool Holds(ReadOnlySpan<byte> bytes, Hash128 checksum) =>
        Xxh128.Compute(bytes) == checksum;

    private static LogRecordHeader Header(LogRecordKind kind, uint slot) => new()
    {
        Kind = kind,
        LengthBytes = (ushort)LogRecordHeader.LengthOf(kind),
        Slot = slot,
    };

    private static VdevConfig Disk(int id, string path, ulong missingFrom) => new()
    {
        Kind = VdevKind.Disk,
        Guid = Guid.Parse($"aaaaaaaa-0000-4000-8000-00000000000{id + 1}"),
        Id = id,
        SizeSectors = 261_888,
        MissingFrom = missingFrom,
        Path = path,
    };
}
