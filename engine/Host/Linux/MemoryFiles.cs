// What the kernel says of memory: /proc/meminfo for the machine, and the control groups that the process is
// in, each of whose ancestors may set a limit too. Version 2 has memory.max and memory.high (from which on it
// slows the process down), version 1 memory.limit_in_bytes; both count file pages as used, of which the
// inactive ones are dropped before anything is refused, so they are available.
using System.Globalization;

namespace Cstor.Engine.Host.Linux;

internal static class MemoryFiles
{
    private const string Root = "/sys/fs/cgroup";

    // "No limit" is the word max in version 2, and a number beyond any memory in version 1.
    private const long NoLimit = 1L << 60;

    /// <summary>What is there, and what is left below the tightest limit.</summary>
    /// <param name="read">The content of a file, or null.</param>
    public static MemoryLevel Measure(Func<string, string?> read)
    {
        string machine = read("/proc/meminfo") ?? "";
        long total = Field(machine, "MemTotal:") * 1024;
        long available = Field(machine, "MemAvailable:") * 1024;
        foreach (string line in (read("/proc/self/cgroup") ?? "").Split('\n'))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length < 3) continue;
            bool isVersion2 = parts[0] == "0";
            if (!isVersion2 && !parts[1].Split(',').Contains("memory")) continue;
            string root = isVersion2 ? Root : Root + "/memory";
            // Within a container the path may be that of the host, and the root its own group.
            string path = parts[2].TrimEnd('/');
            while (true)
            {
                if (isVersion2)
                {
                    Limit(read, root + path, "memory.max", "memory.current", "inactive_file");
                    Limit(read, root + path, "memory.high", "memory.current", "inactive_file");
                }
                else
                {
                    Limit(
                        read, root + path, "memory.limit_in_bytes", "memory.usage_in_bytes",
                        "total_inactive_file");
                }

                if (path.Length == 0) break;
                path = path[..Math.Max(0, path.LastIndexOf('/'))];
            }
        }

        return new MemoryLevel(total, Math.Max(0, available));

        void Limit(
            Func<string, string?> files, string group, string limitFile, string usageFile, string cached)
        {
            if (Number(files($"{group}/{limitFile}")) is not { } limit || limit >= NoLimit) return;
            if (Number(files($"{group}/{usageFile}")) is not { } used) return;
            long droppable = Field(files($"{group}/memory.stat") ?? "", cached + " ");
            total = Math.Min(total, limit);
            available = Math.Min(available, limit - Math.Max(0, used - droppable));
        }
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value
            // Larger than a long: no limit.
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? NoLimit : null;

    // The number behind a name at the start of a line, or 0.
    private static long Field(string text, string name)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (!line.StartsWith(name, StringComparison.Ordinal)) continue;
            ReadOnlySpan<char> value = line[name.Length..].Trim();
            int end = value.IndexOf(' ');
            if (end >= 0) value = value[..end];
            return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? number
                : 0;
        }

        return 0;
    }
}
