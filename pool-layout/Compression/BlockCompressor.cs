using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Compression;

// Each block is compressed alone, as one lz4 block (no frame) or one zstd frame without checksum, because the
// block pointer already says the kind, both lengths and the hash. The working memory (16 KiB for lz4, up to 1
// MB for a zstd context) is kept from call to call, so a call allocates nothing.
//
// Higher levels of zstd search as long in data that cannot be compressed as in any other: level 19 takes 40
// ms for 128 KiB of random bytes. So they begin with what finds that out in some 20 us: lz4, and if it gives
// up, which it also does where letters are frequent but no words, zstd's level 1.

/// <summary>Compresses and decompresses blocks. Not thread-safe: one for each loop or worker.</summary>
public sealed unsafe class BlockCompressor : IDisposable
{
    /// <summary>Largest block it takes, so that every length fits what the codecs count with.</summary>
    public const int MaximumBytes = 1 << 24;

    // Up to here the level itself gives up in the time that a trial takes.
    private const int LevelWithoutTrial = 3;

    private void* _lz4State;
    private nint _zstdCompressor;
    private nint _zstdDecompressor;
    private bool _disposed;

    public BlockCompressor() => CodecLibraries.EnsureFound();

    ~BlockCompressor() => Free();

    /// <summary>
    /// Compresses a block. Returns the compressed length, or 0 if it does not fit into <paramref
    /// name="destination"/>: its length is the limit that still makes compression worth while, and lz4 gives
    /// up as soon as it is out of reach.
    /// </summary>
    /// <param name="kind">Lz4 or zstd; off always returns 0.</param>
    /// <param name="level">For zstd the level, negative ones included, 0 for its default (3); for lz4 the
    /// acceleration, 0 and 1 giving the best ratio.</param>
    /// <param name="source">The logical bytes, at most <see cref="MaximumBytes"/>.</param>
    /// <param name="destination">Where they go. Its content is undefined after a 0.</param>
    public int TryCompress(CompressionKind kind, int level, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Check.That(!_disposed && source.Length <= MaximumBytes);
        if (source.IsEmpty || destination.IsEmpty) return 0;
        fixed (byte* from = source)
        fixed (byte* to = destination)
        {
            switch (kind)
            {
                case CompressionKind.Lz4:
                    return Lz4(level, from, source.Length, to, destination.Length);
                case CompressionKind.Zstd:
                    bool isWorthTrying = level <= LevelWithoutTrial
                        || Lz4(0, from, source.Length, to, destination.Length) > 0
                        || Zstd(1, from, source.Length, to, destination.Length) > 0;
                    return isWorthTrying ? Zstd(level, from, source.Length, to, destination.Length) : 0;
                default:
                    Check.That(kind == CompressionKind.Off);
                    return 0;
            }
        }
    }

    /// <summary>
    /// Decompresses a block. True only if <paramref name="source"/> is well formed to its last byte and gave
    /// exactly as many bytes as <paramref name="destination"/> holds. The source may be anything; no byte
    /// outside the destination is written, and its content is undefined after a false.
    /// </summary>
    public bool TryDecompress(CompressionKind kind, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Check.That(!_disposed);
        if (source.IsEmpty || destination.IsEmpty) return false;
        fixed (byte* from = source)
        fixed (byte* to = destination)
        {
            switch (kind)
            {
                case CompressionKind.Lz4:
                    int length = Lz4Native.Decompress(from, to, source.Length, destination.Length);
                    return length == destination.Length;
                case CompressionKind.Zstd:
                    nuint room = (nuint)destination.Length;
                    nuint sourceBytes = (nuint)source.Length;
                    nuint made = ZstdNative.Decompress(ZstdDecompressor, to, room, from, sourceBytes);
                    return made == room;
                case CompressionKind.Off:
                    return source.Length == destination.Length && source.TryCopyTo(destination);
                default:
                    return false;
            }
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void* Lz4State
    {
        get
        {
            if (_lz4State == null) _lz4State = NativeMemory.AlignedAlloc((nuint)Lz4Native.StateBytes(), 64);
            return _lz4State;
        }
    }

    private nint ZstdCompressor
    {
        get
        {
            if (_zstdCompressor == 0) _zstdCompressor = ZstdNative.CreateCompressor();
            Check.That(_zstdCompressor != 0);
            return _zstdCompressor;
        }
    }

    private nint ZstdDecompressor
    {
        get
        {
            if (_zstdDecompressor == 0) _zstdDecompressor = ZstdNative.CreateDecompressor();
            Check.That(_zstdDecompressor != 0);
            return _zstdDecompressor;
        }
    }

    private int Lz4(int acceleration, byte* from, int fromBytes, byte* to, int toBytes) =>
        Lz4Native.Compress(Lz4State, from, to, fromBytes, toBytes, acceleration);

    private int Zstd(int level, byte* from, int fromBytes, byte* to, int toBytes)
    {
        nuint length = ZstdNative.Compress(ZstdCompressor, to, (nuint)toBytes, from, (nuint)fromBytes, level);
        return ZstdNative.IsError(length) != 0 ? 0 : (int)length;
    }

    private void Free()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.AlignedFree(_lz4State);
        if (_zstdCompressor != 0) ZstdNative.FreeCompressor(_zstdCompressor);
        if (_zstdDecompressor != 0) ZstdNative.FreeDecompressor(_zstdDecompressor);
    }
}
