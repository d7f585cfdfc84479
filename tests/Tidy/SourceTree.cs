namespace Cstor.Tests.Tidy;

/// <summary>The files of the repository that were written by hand.</summary>
internal static class SourceTree
{
    private static readonly string[] Skipped = ["bin", "obj", "out", ".git", "TestResults"];

    public static string Root { get; } = FindRoot();

    public static IEnumerable<SourceFile> Files(params string[] extensions) =>
        Below(new DirectoryInfo(Root))
            .Where(file => extensions.Contains(file.Extension) || extensions.Contains(file.Name))
            .Select(Read)
            .OrderBy(file => file.Path, StringComparer.Ordinal);

    private static SourceFile Read(FileInfo file) =>
        new(Path.GetRelativePath(Root, file.FullName), File.ReadAllText(file.FullName));

    private static IEnumerable<FileInfo> Below(DirectoryInfo directory)
    {
        foreach (FileInfo file in directory.EnumerateFiles()) yield return file;
        foreach (DirectoryInfo child in directory.EnumerateDirectories())
        {
            if (Skipped.Contains(child.Name)) continue;
            foreach (FileInfo file in Below(child)) yield return file;
        }
    }

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "cstor.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("no cstor.sln above the tests");
    }
}

/// <summary>A file and its text.</summary>
/// <param name="Path">Relative to the root of the repository, with slashes.</param>
/// <param name="Text">Its content.</param>
internal sealed record SourceFile(string Path, string Text)
{
    public string[] Lines { get; } = Text.Split('\n');

    public string TopFolder => Path.Contains('/') ? Path[..Path.IndexOf('/')] : "";

    /// <summary>Part of the product, not of its tests.</summary>
    public bool IsProduct => TopFolder is "pool-layout" or "raid" or "engine" or "target" or "daemon";
}
