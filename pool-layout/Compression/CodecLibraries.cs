using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Compression;

/// <summary>
/// Where the codecs come from. The daemon has them linked in and asks nobody. Under the JIT the names "lz4"
/// and "zstd" would need the development packages' unversioned links; this points them at the sonames that
/// every system has.
/// </summary>
internal static class CodecLibraries
{
    private static readonly bool Installed = Install();

    /// <summary>Must run before the first call into a codec; costs nothing later.</summary>
    internal static void EnsureFound() => Check.That(Installed);

    private static bool Install()
    {
        if (RuntimeFeature.IsDynamicCodeSupported)
            NativeLibrary.SetDllImportResolver(typeof(CodecLibraries).Assembly, Resolve);
        return true;
    }

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path)
    {
        string? soname = library switch
        {
            Lz4Native.Library => "liblz4.so.1",
            ZstdNative.Library => "libzstd.so.1",
            _ => null,
        };
        return soname is not null && NativeLibrary.TryLoad(soname, out nint handle) ? handle : 0;
    }
}
