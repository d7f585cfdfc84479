using System.Runtime.InteropServices;
using System.Text;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// A volume or snapshot as the dataset table keeps it, one sector: identity, shape, the root of its block
/// tree, where it stands among the versions of its line, accounting and properties. The settings (name to
/// properties) also travel in the commit log; tree and accounting change only in a checkpoint.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct DatasetRecord
{
    public const int Bytes = Layout.SectorBytes;

    public const int NameMaximumBytes = 255;

    public const int PropertyMaximumBytes = 2048;

    /// <summary>A reservation of all that the volume may take at worst.</summary>
    public const long ReserveAll = long.MaxValue;

    internal const int NameOffset = 512;
    internal const int PropertyOffset = 1024;
    private const int FieldsEnd = 208;
    private const int MaximumZstdLevel = 19;

    [FieldOffset(0)] public DatasetState State;

    [FieldOffset(1)] public CompressionKind Compression;

    /// <summary>zstd level, 1 to 19; 0 where it does not apply.</summary>
    [FieldOffset(2)] public byte CompressionLevel;

    [FieldOffset(3)] public SyncMode Sync;

    /// <summary>Log2 of the block size, 12 to 17.</summary>
    [FieldOffset(4)] public byte BlockShift;

    /// <summary>1: writes are refused.</summary>
    [FieldOffset(5)] public byte ReadOnly;

    /// <summary>Node levels of the block tree.</summary>
    [FieldOffset(6)] public byte Height;

    [FieldOffset(7)] public byte NameBytes;

    [FieldOffset(8)] public Guid Id;

    /// <summary>Size of the volume in bytes, a multiple of the block.</summary>
    [FieldOffset(24)] public long SizeBytes;

    /// <summary>Wall clock of the creation, nanoseconds since 1970.</summary>
    [FieldOffset(32)] public long CreatedUnixNanoseconds;

    /// <summary>Epoch in which the dataset came to be.</summary>
    [FieldOffset(40)] public ulong BirthEpoch;

    /// <summary>Root of the block tree.</summary>
    [FieldOffset(48)] public BlockPointer Root;

    /// <summary>
    /// Sectors that the tree below <see cref="Root"/> occupies, all copies, nodes included.
    /// </summary>
    [FieldOffset(112)] public long AllocatedSectors;

    /// <summary>Blocks that are not holes.</summary>
    [FieldOffset(120)] public long MappedBlocks;

    /// <summary>Length of the property text.</summary>
    [FieldOffset(128)] public ushort PropertyBytes;

    /// <summary>Checksum of new blocks; 0 stands for <see cref="ChecksumKind.Xxh128"/>.</summary>
    [FieldOffset(130)] public ChecksumKind Checksum;

    [FieldOffset(131)] public CachePolicy Cache;

    /// <summary>
    /// One more than the slot of the version before this one: the newest snapshot of a volume, the snapshot
    /// before a snapshot, the origin of a clone; 0 if there is none.
    /// </summary>
    [FieldOffset(132)] public uint Previous;

    /// <summary>One more than the slot of a snapshot's volume; 0 in a volume.</summary>
    [FieldOffset(136)] public uint Owner;

    [FieldOffset(140)] public uint Reserved0;

    /// <summary>Of a snapshot: the last epoch whose blocks it may hold; 0 in a volume.</summary>
    [FieldOffset(144)] public ulong SnapshotEpoch;

    /// <summary>
    /// Sectors that the version before holds and this one does not, nodes and all copies included. While the
    /// dataset is being destroyed, what was freed is taken off, and it may be negative.
    /// </summary>
    [FieldOffset(152)] public long DroppedSectors;

    /// <summary>Sectors of the blocks' stored bytes: one copy, without parity, without nodes.</summary>
    [FieldOffset(160)] public long StoredSectors;

    /// <summary>Of a dataset being destroyed: blocks from the first on that are erased.</summary>
    [FieldOffset(168)] public ulong ErasedBlocks;

    /// <summary>Space kept for the volume's own blocks, 0 for none, or <see cref="ReserveAll"/>.</summary>
    [FieldOffset(176)] public long ReservationBytes;

    /// <summary>Space that a volume's snapshots may take before no more are made, 0 for no limit.</summary>
    [FieldOffset(184)] public long SnapshotQuotaBytes;

    /// <summary>Lease epoch of the last entry that a replica surely holds, 0 if it says nothing.</summary>
    [FieldOffset(192)] public ulong ReplicaEpoch;

    /// <summary>Number of that entry.</summary>
    [FieldOffset(200)] public ulong ReplicaIndex;

    [FieldOffset(NameOffset)] private fixed byte _name[NameMaximumBytes + 1];

    [FieldOffset(PropertyOffset)] private fixed byte _properties[PropertyMaximumBytes];

    /// <summary>UTF-8, at most 255 bytes.</summary>
    public string Name
    {
        readonly get
        {
            fixed (byte* name = _name) return Encoding.UTF8.GetString(name, NameBytes);
        }

        set
        {
            int length = Encoding.UTF8.GetByteCount(value);
            Check.That(length is > 0 and <= NameMaximumBytes);
            fixed (byte* name = _name)
            {
                new Span<byte>(name, NameMaximumBytes + 1).Clear();
                Encoding.UTF8.GetBytes(value, new Span<byte>(name, length));
            }

            NameBytes = (byte)length;
        }
    }

    /// <summary>
    /// Lines of <c>name=value</c>, UTF-8, at most 2048 bytes: the properties that the engine keeps for
    /// others.
    /// </summary>
    public string Properties
    {
        readonly get
        {
            int length = Math.Min((int)PropertyBytes, PropertyMaximumBytes);
            fixed (byte* text = _properties) return Encoding.UTF8.GetString(text, length);
        }

        set
        {
            int length = Encoding.UTF8.GetByteCount(value);
            Check.That(length <= PropertyMaximumBytes);
            fixed (byte* text = _properties)
            {
                new Span<byte>(text, PropertyMaximumBytes).Clear();
                Encoding.UTF8.GetBytes(value, new Span<byte>(text, length));
            }

            PropertyBytes = (ushort)length;
        }
    }

    /// <summary>Checksum of new blocks.</summary>
    public readonly ChecksumKind ChecksumOfNewBlocks => Checksum == 0 ? ChecksumKind.Xxh128 : Checksum;

    /// <summary>A snapshot, perhaps one being destroyed.</summary>
    public readonly bool IsSnapshot =>
        State is DatasetState.Snapshot or DatasetState.DestroyingSnapshot;

    /// <summary>Destroyed; its blocks are being freed.</summary>
    public readonly bool IsDestroying =>
        State is DatasetState.Destroying or DatasetState.DestroyingSnapshot;

    /// <summary>Blocks of the volume.</summary>
    public readonly long BlockCount => SizeBytes >> BlockShift;

    /// <summary>Reads and validates one block of the dataset table.</summary>
    public static string? TryRead(ReadOnlySpan<byte> block, out DatasetRecord record)
    {
        record = MemoryMarshal.Read<DatasetRecord>(block);
        if (record.Validate() is { } reason) return reason;
        bool isClean = ZeroBlock.IsZero(block[FieldsEnd..NameOffset])
            && ZeroBlock.IsZero(block[(NameOffset + record.NameBytes)..PropertyOffset])
            && ZeroBlock.IsZero(block[(PropertyOffset + record.PropertyBytes)..Bytes]);
        return isClean ? null : "reserved bytes are set";
    }

    /// <summary>Writes one block of the dataset table.</summary>
    public readonly void Write(Span<byte> block)
    {
        Check.That(Validate() is null);
        MemoryMarshal.Write(block, in this);
    }

    /// <summary>Reason why the fields cannot be right, or null.</summary>
    public readonly string? Validate()
    {
        if (State is DatasetState.Free or > DatasetState.DestroyingSnapshot)
            return $"unknown dataset state {(byte)State}";
        if (IsSnapshot != (Owner != 0) || IsSnapshot != (SnapshotEpoch != 0))
            return $"a {State} with owner {Owner} and snapshot epoch {SnapshotEpoch}";
        if (Checksum > ChecksumKind.Blake3) return $"unknown checksum {(byte)Checksum}";
        if (Cache > CachePolicy.None) return $"unknown cache policy {(byte)Cache}";
        if (Reserved0 != 0) return "reserved bytes are set";
        if (Compression > CompressionKind.Zstd) return $"unknown compression {(byte)Compression}";
        if (CompressionLevel > MaximumZstdLevel) return $"compression level {CompressionLevel}";
        if (Sync > SyncMode.Disabled) return $"unknown sync mode {(byte)Sync}";
        if (BlockShift is < 12 or > 17) return $"block of 2^{BlockShift} bytes";
        if (ReadOnly > 1) return $"read-only flag {ReadOnly}";
        if (Height is 0 or > 6) return $"tree height {Height}";
        if (NameBytes == 0) return "no name";
        if (SizeBytes <= 0 || SizeBytes % (1L << BlockShift) != 0) return $"size {SizeBytes}";
        if (AllocatedSectors < 0 || MappedBlocks < 0 || StoredSectors < 0) return "negative accounting";
        if (DroppedSectors < 0 && !IsDestroying) return "negative accounting";
        if (ReservationBytes < 0 || SnapshotQuotaBytes < 0) return "negative reservation or quota";
        if (PropertyBytes > PropertyMaximumBytes) return $"{PropertyBytes} bytes of properties";
        return Root.Validate();
    }
}
