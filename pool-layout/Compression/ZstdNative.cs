using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Compression;

/// <summary>
/// The one-shot functions of libzstd (zstd.h): linked into the daemon, loaded from the system by tests.
/// </summary>
internal static unsafe partial class ZstdNative
{
    internal const string Library = "zstd";

    [LibraryImport(Library, EntryPoint = "ZSTD_createCCtx")]
    internal static partial nint CreateCompressor();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeCCtx")]
    internal static partial nuint FreeCompressor(nint context);

    [LibraryImport(Library, EntryPoint = "ZSTD_createDCtx")]
    internal static partial nint CreateDecompressor();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeDCtx")]
    internal static partial nuint FreeDecompressor(nint context);

    /// <summary>Compressed length, or an error code: see <see cref="IsError"/>.</summary>
    [LibraryImport(Library, EntryPoint = "ZSTD_compressCCtx")]
    internal static partial nuint Compress(
        nint context, byte* destination, nuint destinationBytes, byte* source, nuint sourceBytes, int level);

    /// <summary>Decompressed length, or an error code: see <see cref="IsError"/>.</summary>
    [LibraryImport(Library, EntryPoint = "ZSTD_decompressDCtx")]
    internal static partial nuint Decompress(
        nint context, byte* destination, nuint destinationBytes, byte* source, nuint sourceBytes);

    [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
    [SuppressGCTransition]
    internal static partial uint IsError(nuint code);
}
