using Cstor.Tests.EndToEnd;
using Xunit;

namespace Cstor.Tests.Host.Linux;

/// <summary>
/// A test that needs programs, or root: reported as skipped, with the reason, where they are missing. In
/// continuous integration it runs all the same, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(params string[] tools) =>
        Skip = Machine.IsContinuousIntegration ? null : ReasonToSkip(tools);

    public static string? Find(string tool) =>
        new[] { "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin" }
            .Select(directory => Path.Combine(directory, tool)).FirstOrDefault(File.Exists);

    private static string? ReasonToSkip(string[] tools)
    {
        if (tools.FirstOrDefault(tool => Find(tool) is null) is { } missing)
            return $"{missing} is not installed";
        if (!tools.Contains("losetup")) return null;
        if (Environment.UserName != "root") return "loop devices need root";
        return File.Exists("/dev/loop-control") ? null : "there are no loop devices";
    }
}
