using System.Runtime.InteropServices;
using Xunit;

namespace Cstor.Tests.PoolLayout.Checksums;

/// <summary>
/// A test that needs a shared library to compare with; skipped, and said so, where it is not installed.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LibraryFactAttribute : FactAttribute
{
    public LibraryFactAttribute(string soname, string package)
    {
        if (NativeLibrary.TryLoad(soname, out nint handle)) NativeLibrary.Free(handle);
        else Skip = $"{soname} is not installed (Debian package {package})";
    }
}
