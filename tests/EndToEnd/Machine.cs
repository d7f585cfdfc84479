using Cstor.Tests.Tidy;

namespace Cstor.Tests.EndToEnd;

/// <summary>What this machine has: tools on the path, privileges, kernel features.</summary>
internal static class Machine
{
    public const string Root = "root";
    public const string Loop = "loop devices";
    public const string Kernel = "a kernel for the virtual machine";
    public const string Daemon = "out/cstor";

    /// <summary>The daemon under test: <c>CSTOR_BINARY</c>, or what <c>make build</c> leaves.</summary>
    public static string DaemonPath =>
        Environment.GetEnvironmentVariable("CSTOR_BINARY") is { Length: > 0 } path
            ? path
            : Path.Combine(SourceTree.Root, "out", "cstor");

    public static bool IsRoot => Environment.IsPrivilegedProcess;

    /// <summary>
    /// In continuous integration nothing may be missing: a test that cannot run there fails.
    /// </summary>
    public static bool IsContinuousIntegration => Environment.GetEnvironmentVariable("CI") == "true";

    /// <summary>The needs that the machine does not meet, in words.</summary>
    public static string[] Missing(IEnumerable<string> needs) => [.. needs.Where(need => !Has(need))];

    /// <summary>Full path of a program, system directories included, or null.</summary>
    public static string? Find(string tool) => SearchPath.Split(':')
        .Select(directory => Path.Combine(directory, tool))
        .FirstOrDefault(File.Exists);

    public static string SearchPath => Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin";

    private static bool Has(string need) => need switch
    {
        Root => IsRoot,
        Loop => IsRoot && File.Exists("/dev/loop-control") && Find("losetup") is not null,
        Daemon => File.Exists(DaemonPath),
        Kernel => HasKernel("/boot") || HasKernel(Path.Combine(SourceTree.Root, "out", "vm-kernel", "boot")),
        _ => Find(need) is not null,
    };

    private static bool HasKernel(string directory) =>
        Directory.Exists(directory) && Directory.EnumerateFiles(directory, "vmlinuz-*-cloud-amd64").Any();
}
