using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Cstor.PoolLayout.Streams;

/// <summary>
/// What a stream is about: the payload of its first record. Full, it makes a snapshot out of nothing;
/// incremental, out of the one it names as <see cref="FromId"/>.
/// </summary>
public sealed record StreamBegin
{
    public const int Bytes = 768;

    /// <summary>Longest text of each field.</summary>
    public const int TextMaximumBytes = 255;

    public const int FeatureMaximumBytes = 127;

    internal const int SnapshotOffset = 128;
    internal const int SourceOffset = 384;
    internal const int FeatureOffset = 640;
    private const int ReservedOffset = 94;
    private const int MaximumZstdLevel = 19;

    /// <summary>The volume that was sent.</summary>
    public required Guid VolumeId { get; init; }

    /// <summary>The snapshot that the receiver has already; zero in a full stream.</summary>
    public required Guid FromId { get; init; }

    /// <summary>The snapshot that the stream leads to.</summary>
    public required Guid ToId { get; init; }

    /// <summary>Content of the snapshot that the receiver has; zero in a full stream.</summary>
    public required Hash128 FromContentHash { get; init; }

    /// <summary>Size of the snapshot that the stream leads to.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>When that snapshot was made.</summary>
    public required long CreatedUnixNanoseconds { get; init; }

    /// <summary>What is before it was sent earlier: 0, or where a stream was resumed.</summary>
    public required ulong FirstBlock { get; init; }

    /// <summary>Log2 of the block size.</summary>
    public required byte BlockShift { get; init; }

    /// <summary>What the volume is set to: a new one is made so.</summary>
    public required CompressionKind Compression { get; init; }

    public required byte CompressionLevel { get; init; }

    /// <summary>Name of the snapshot, without its volume's.</summary>
    public required string Snapshot { get; init; }

    /// <summary>Where it comes from, as <c>tank/db@monday</c>, for people.</summary>
    public required string Source { get; init; }

    /// <summary>Names with commas between; see <see cref="StreamFeatures"/>.</summary>
    public string Features { get; init; } = "";

    public bool IsFull => FromId == Guid.Empty;

    /// <summary>Reads and validates.</summary>
    /// <param name="payload">Exactly <see cref="Bytes"/>; anything.</param>
    /// <param name="begin">What it says, if it is right.</param>
    /// <returns>Reason why it cannot be right, or null.</returns>
    public static string? TryRead(ReadOnlySpan<byte> payload, out StreamBegin? begin)
    {
        begin = null;
        int snapshotBytes = payload[91];
        int sourceBytes = payload[92];
        int featureBytes = payload[93];
        if (featureBytes > FeatureMaximumBytes) return $"{featureBytes} bytes of features";
        bool isClean = ZeroBlock.IsZero(payload[ReservedOffset..SnapshotOffset])
            && ZeroBlock.IsZero(payload[(SnapshotOffset + snapshotBytes)..SourceOffset])
            && ZeroBlock.IsZero(payload[(SourceOffset + sourceBytes)..FeatureOffset])
            && ZeroBlock.IsZero(payload[(FeatureOffset + featureBytes)..Bytes]);
        if (!isClean) return "reserved bytes are set";
        StreamBegin read = new()
        {
            VolumeId = new Guid(payload[..16]),
            FromId = new Guid(payload[16..32]),
            ToId = new Guid(payload[32..48]),
            FromContentHash = Hash128.Read(payload[48..]),
            SizeBytes = BinaryPrimitives.ReadInt64LittleEndian(payload[64..]),
            CreatedUnixNanoseconds = BinaryPrimitives.ReadInt64LittleEndian(payload[72..]),
            FirstBlock = BinaryPrimitives.ReadUInt64LittleEndian(payload[80..]),
            BlockShift = payload[88],
            Compression = (CompressionKind)payload[89],
            CompressionLevel = payload[90],
            Snapshot = Encoding.UTF8.GetString(payload.Slice(SnapshotOffset, snapshotBytes)),
            Source = Encoding.UTF8.GetString(payload.Slice(SourceOffset, sourceBytes)),
            Features = Encoding.UTF8.GetString(payload.Slice(FeatureOffset, featureBytes)),
        };
        if (read.Validate() is { } reason) return reason;
        begin = read;
        return null;
    }

    /// <summary>Writes the payload.</summary>
    /// <param name="payload">Exactly <see cref="Bytes"/>.</param>
    public void Write(Span<byte> payload)
    {
        Check.That(Validate() is null);
        payload[..Bytes].Clear();
        VolumeId.TryWriteBytes(payload);
        FromId.TryWriteBytes(payload[16..]);
        ToId.TryWriteBytes(payload[32..]);
        FromContentHash.Write(payload[48..]);
        BinaryPrimitives.WriteInt64LittleEndian(payload[64..], SizeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(payload[72..], CreatedUnixNanoseconds);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[80..], FirstBlock);
        payload[88] = BlockShift;
        payload[89] = (byte)Compression;
        payload[90] = CompressionLevel;
        payload[91] = (byte)Encoding.UTF8.GetBytes(Snapshot, payload[SnapshotOffset..SourceOffset]);
        payload[92] = (byte)Encoding.UTF8.GetBytes(Source, payload[SourceOffset..FeatureOffset]);
        payload[93] = (byte)Encoding.UTF8.GetBytes(Features, payload[FeatureOffset..Bytes]);
    }

    /// <summary>Reason why the fields cannot be right, or null.</summary>
    public string? Validate()
    {
        if (ToId == Guid.Empty || ToId == FromId) return "it leads to no snapshot of its own";
        if (IsFull && FromContentHash != default) return "content of no snapshot";
        if (BlockShift < BitOperations.Log2(Layout.MinimumBlockBytes)
            || BlockShift > BitOperations.Log2(Layout.MaximumBlockBytes))
            return $"block of 2^{BlockShift} bytes";
        if (SizeBytes <= 0 || SizeBytes % (1L << BlockShift) != 0) return $"size {SizeBytes}";
        if (FirstBlock > (ulong)(SizeBytes >> BlockShift)) return $"it begins at block {FirstBlock}";
        if (Compression > CompressionKind.Zstd) return $"unknown compression {(byte)Compression}";
        if (CompressionLevel > MaximumZstdLevel) return $"compression level {CompressionLevel}";
        return Snapshot.Length > 0 && IsText(Snapshot, TextMaximumBytes) && IsText(Source, TextMaximumBytes)
            && IsText(Features, FeatureMaximumBytes)
            ? null
            : "a name that is none";
    }

    internal static int BytesOf(string text) => Encoding.UTF8.GetByteCount(text);

    private static bool IsText(string text, int maximumBytes) =>
        BytesOf(text) <= maximumBytes && !text.Any(char.IsControl);
}
