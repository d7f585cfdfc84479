using Cstor.Tests.EndToEnd;
using Xunit;

namespace Cstor.Tests.PoolLayout.Signatures;

/// <summary>
/// A test that runs a program; skipped, and said so, where it is not installed. In continuous integration it
/// runs all the same, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(string tool, string package)
    {
        if (Find(tool) is null && !Machine.IsContinuousIntegration)
            Skip = $"{tool} is not installed (Debian package {package})";
    }

    /// <summary>
    /// Where the program is, or null. Administrators' programs are looked for even if the path has none.
    /// </summary>
    internal static string? Find(string tool) => (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin")
        .Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, tool))
        .FirstOrDefault(File.Exists);
}
