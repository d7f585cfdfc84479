using Xunit;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A test that needs the daemon, and the tools and privileges named. Where one is missing the test says so
/// and is skipped; in continuous integration it runs, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresFactAttribute : FactAttribute
{
    public RequiresFactAttribute(params string[] needs)
    {
        Needs = needs;
        string[] missing = Machine.Missing(needs.Prepend(Machine.Daemon));
        if (missing.Length > 0 && !Machine.IsContinuousIntegration)
        {
            Skip = $"this machine lacks {string.Join(", ", missing)}; make test installs what it can";
        }
    }

    public string[] Needs { get; }
}
