using Cstor.Daemon.Api;

namespace Cstor.Daemon.Cli;

/// <summary>
/// The layout of a pool as typed: <c>DEV...</c> and <c>mirror DEV DEV...</c>, mixed. A keyword begins a group
/// that goes on to the next keyword; devices before the first one are plain vdevs, one each.
/// </summary>
internal static class VdevGrammar
{
    private const string Supported =
        "this version knows plain devices and mirrors: DEV... | mirror DEV DEV...";

    private static readonly string[] OtherGroups =
        [
            "raidz",
            "raidz1",
            "raidz2",
            "raidz3",
            "draid",
            "log",
            "spare",
            "cache",
            "special",
            "dedup",
            "replacing"];

    /// <summary>Reads the words behind the pool's name.</summary>
    /// <param name="words">As typed.</param>
    /// <param name="vdevs">The layout, with absolute paths; empty after a refusal.</param>
    /// <returns>Why it was refused, or null.</returns>
    public static string? Parse(IReadOnlyList<string> words, out VdevRequest[] vdevs)
    {
        vdevs = [];
        List<VdevRequest> found = [];
        HashSet<string> seen = [];
        List<string>? mirror = null;
        foreach (string word in words)
        {
            if (OtherGroups.Contains(word)) return $"{word} groups are not supported: {Supported}";
            if (word == "mirror")
            {
                if (Close(mirror, found) is { } incomplete) return incomplete;
                mirror = [];
                continue;
            }
            if (word.Length == 0) return "a device name is empty";
            string device = Resolve(word);
            if (!seen.Add(device)) return $"{device} is named twice";
            if (mirror is null) found.Add(new VdevRequest("disk", [device]));
            else mirror.Add(device);
        }
        if (Close(mirror, found) is { } fault) return fault;
        if (found.Count == 0) return $"a pool needs a device: {Supported}";
        vdevs = [.. found];
        return null;
    }

    /// <summary>
    /// A bare name is a file here, else a node in <c>/dev</c>; the daemon has another working directory than
    /// we.
    /// </summary>
    public static string Resolve(string device)
    {
        bool isNode = !device.Contains('/') && !Path.Exists(device) && Path.Exists(
            Path.Combine("/dev", device));
        return isNode ? Path.Combine("/dev", device) : Path.GetFullPath(device);
    }

    private static string? Close(List<string>? mirror, List<VdevRequest> found)
    {
        if (mirror is null) return null;
        if (mirror.Count < 2) return $"a mirror needs two devices or more, not {mirror.Count}";
        found.Add(new VdevRequest("mirror", [.. mirror]));
        return null;
    }
}
