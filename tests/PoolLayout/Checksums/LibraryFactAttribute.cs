using System.Runtime.InteropServices;
using Cstor.Tests.EndToEnd;
using Xunit;

namespace Cstor.Tests.PoolLayout.Checksums;

/// <summary>
/// A test that needs a shared library to compare with; skipped, and said so, where it is not installed.
/// In continuous integration it runs all the same, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LibraryFactAttribute : FactAttribute
{
    public LibraryFactAttribute(string soname, string package)
    {
        if (NativeLibrary.TryLoad(soname, out nint handle)) NativeLibrary.Free(handle);
        else if (!Machine.IsContinuousIntegration)
            Skip = $"{soname} is not installed (Debian package {package})";
    }
}
