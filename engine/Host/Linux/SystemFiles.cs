namespace Cstor.Engine.Host.Linux;

/// <summary>Small files of /proc and /sys, which may vanish at any moment.</summary>
internal static class SystemFiles
{
    /// <summary>Trimmed content, or null where there is none.</summary>
    public static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Lines, or none.</summary>
    public static string[] Lines(string path) =>
        Read(path)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Names in a directory in order, or none.</summary>
    public static string[] Names(string path)
    {
        try
        {
            string[] names = [.. Directory.EnumerateFileSystemEntries(path).Select(e => Path.GetFileName(e))];
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
