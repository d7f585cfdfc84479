using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Compression;

/// <summary>
/// The block functions of liblz4 (lz4.h): linked into the daemon, loaded from the system by tests.
/// </summary>
internal static unsafe partial class Lz4Native
{
    internal const string Library = "lz4";

    /// <summary>Bytes of the state that a compression works in.</summary>
    [LibraryImport(Library, EntryPoint = "LZ4_sizeofState")]
    [SuppressGCTransition]
    internal static partial int StateBytes();

    /// <summary>Compressed length, or 0 when it does not fit.</summary>
    [LibraryImport(Library, EntryPoint = "LZ4_compress_fast_extState")]
    internal static partial int Compress(
        void* state, byte* source, byte* destination, int sourceBytes, int destinationBytes,
        int acceleration);

    /// <summary>Decompressed length, or negative when the source is malformed or does not fit.</summary>
    [LibraryImport(Library, EntryPoint = "LZ4_decompress_safe")]
    internal static partial int Decompress(
        byte* source, byte* destination, int sourceBytes, int destinationBytes);
}
