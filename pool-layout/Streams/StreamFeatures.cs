namespace Cstor.PoolLayout.Streams;

/// <summary>
/// Names of what a stream may use beyond the first version of the format. A stream that names one which the
/// program does not know is refused.
/// </summary>
public static class StreamFeatures
{
    /// <summary>Everything that this program can read.</summary>
    public static readonly IReadOnlyList<string> Known = [];

    /// <summary>The first unknown name in a list with commas between, or null.</summary>
    public static string? FindUnknown(string names)
    {
        foreach (string name in names.Split(',', StringSplitOptions.RemoveEmptyEntries))
            if (!Known.Contains(name, StringComparer.Ordinal))
                return name;
        return null;
    }
}
