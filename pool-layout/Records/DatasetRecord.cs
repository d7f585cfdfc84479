using System.Runtime.InteropServices;
using System.Text;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// A volume as the dataset table keeps it, one sector: identity, shape, the root of its block tree,
/// accounting and properties. The settings (name to properties) also travel in the commit log; tree and
/// accounting change only in a checkpoint.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct DatasetRecord
{
    public const int Bytes = Layout.SectorBytes;

    public const int NameMaximumBytes = 255;

    public const int PropertyMaximumBytes = 2048;

    internal const int NameOffset = 512;
    internal const int PropertyOffset = 1024;
    private const int FieldsEnd = 130;
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
        if (State is not (DatasetState.Volume or DatasetState.Destroying))
            return $"unknown dataset state {(byte)State}";
        if (Compression > CompressionKind.Zstd) return $"unknown compression {(byte)Compression}";
        if (CompressionLevel > MaximumZstdLevel) return $"compression level {CompressionLevel}";
        if (Sync > SyncMode.Disabled) return $"unknown sync mode {(byte)Sync}";
        if (BlockShift is < 12 or > 17) return $"block of 2^{BlockShift} bytes";
        if (ReadOnly > 1) return $"read-only flag {ReadOnly}";
        if (Height is 0 or > 6) return $"tree height {Height}";
        if (NameBytes == 0) return "no name";
        if (SizeBytes <= 0 || SizeBytes % (1L << BlockShift) != 0) return $"size {SizeBytes}";
        if (AllocatedSectors < 0 || MappedBlocks < 0) return "negative accounting";
        if (PropertyBytes > PropertyMaximumBytes) return $"{PropertyBytes} bytes of properties";
        return Root.Validate();
    }
}
