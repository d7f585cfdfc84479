using Cstor.Daemon.Vocabulary;

namespace Cstor.Daemon.Journal;

/// <summary>Which pool a log message is about, told from the values in it.</summary>
internal static class EventSubject
{
    /// <summary>A pool's name, or empty.</summary>
    public static string PoolOf(IReadOnlyList<KeyValuePair<string, object?>> values)
    {
        foreach ((string key, object? value) in values)
        {
            if (key == "Pool" && value is string pool) return pool;
        }
        foreach ((string key, object? value) in values)
        {
            if (value is not string text) continue;
            string name = key switch
            {
                "Volume" or "Dataset" or "Snapshot" or "Group" => Before(text, '/'),
                "Target" when text.StartsWith(Names.TargetPrefix, StringComparison.Ordinal) =>
                    Before(text[Names.TargetPrefix.Length..], '.'),
                _ => "",
            };
            if (name.Length > 0) return name;
        }
        return "";
    }

    private static string Before(string text, char mark)
    {
        int end = text.IndexOf(mark, StringComparison.Ordinal);
        return end < 0 ? "" : text[..end];
    }
}
