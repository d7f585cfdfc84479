using System.Globalization;
using System.Text.RegularExpressions;
using Cstor.Daemon.Api;

namespace Cstor.Daemon.Cli;

/// <summary>
/// The layout of a pool as typed: <c>DEV...</c>, groups, and what a vdev is for. <c>mirror</c> or
/// <c>raidz</c> begins a group that goes on to the next keyword; devices outside groups are a vdev each.
/// Behind <c>log</c> stand log devices, plain or mirrored; behind <c>spare</c> single devices, until a group
/// begins.
/// </summary>
internal static partial class VdevGrammar
{
    public const string Summary =
        "DEV... | mirror DEV DEV... | raidz1|raidz2|raidz3 DEV... | log [mirror] DEV... | spare DEV...";

    /// <summary>The format's bound on the width of a group.</summary>
    private const int MaximumDevices = 255;

    private static readonly string[] Foreign = ["cache", "special", "dedup", "replacing"];

    /// <summary>Reads the words behind the name of a new pool.</summary>
    /// <param name="words">As typed.</param>
    /// <param name="vdevs">The layout, with absolute paths; empty after a refusal.</param>
    /// <returns>Why it was refused, or null.</returns>
    public static string? Parse(IReadOnlyList<string> words, out VdevRequest[] vdevs)
    {
        string? reason = ParseAddition(words, out vdevs);
        if (reason is not null || vdevs.Any(vdev => vdev.Role == VdevRequest.Data)) return reason;
        string lacking = vdevs.Length == 0 ? "a pool needs a device" : "a pool needs a device for data";
        vdevs = [];
        return $"{lacking}: {Summary}";
    }

    /// <summary>As <see cref="Parse"/>, for a pool that has data vdevs already.</summary>
    public static string? ParseAddition(IReadOnlyList<string> words, out VdevRequest[] vdevs)
    {
        vdevs = [];
        Reader reader = new();
        foreach (string word in words)
        {
            if (reader.Take(word) is { } reason) return reason;
        }
        if (reader.End() is { } incomplete) return incomplete;
        vdevs = reader.Vdevs;
        return null;
    }

    /// <summary>What an operator may not expect of a layout that is allowed.</summary>
    public static IEnumerable<string> Notes(IReadOnlyList<VdevRequest> vdevs)
    {
        foreach (VdevRequest vdev in vdevs)
        {
            int parity = ParityOf(vdev.Kind) ?? 0;
            int width = vdev.Devices.Length;
            if (parity == 0 || width > parity + 1) continue;
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{vdev.Kind} on {width} devices holds no more than a mirror; take {parity + 2} or more");
        }
        VdevRequest[] data = [.. vdevs.Where(vdev => vdev.Role == VdevRequest.Data)];
        int least = data.Select(Survives).DefaultIfEmpty().Min();
        if (data.Any(vdev => Survives(vdev) > least))
        {
            VdevRequest weakest = data.First(vdev => Survives(vdev) == least);
            string more = weakest.Devices.Length > 1 ? "..." : "";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"the pool survives {least} lost device{(least == 1 ? "" : "s")}, like its weakest vdev: "
                    + $"{weakest.Kind} {weakest.Devices[0]}{more}");
        }
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

    /// <summary>
    /// A device that a pool has: a path is made absolute; the last part of one, or a guid, is the daemon's
    /// to find, since a missing device has no file.
    /// </summary>
    public static string ResolveMember(string device) =>
        device.Contains('/') ? Path.GetFullPath(device) : device;

    private static int Survives(VdevRequest vdev) =>
        vdev.Kind == "mirror" ? vdev.Devices.Length - 1 : ParityOf(vdev.Kind) ?? 0;

    private static int? ParityOf(string kind) => kind switch
    {
        "raidz1" => 1,
        "raidz2" => 2,
        "raidz3" => 3,
        _ => null,
    };

    [GeneratedRegex(@"^(raidz\d+|draid[\d:a-z]*)$")]
    private static partial Regex OtherRaid();

    /// <summary>Takes words one by one; a refusal ends it.</summary>
    private sealed class Reader
    {
        private readonly List<VdevRequest> _found = [];
        private readonly HashSet<string> _seen = [];
        private readonly List<string> _group = [];
        private string? _kind;
        private string _role = VdevRequest.Data;
        private bool _isRoleEmpty;

        public VdevRequest[] Vdevs => [.. _found];

        /// <returns>Why the word cannot stand there, or null.</returns>
        public string? Take(string word)
        {
            if (word == "raidz") return Begin("raidz1");
            if (word == "mirror" || ParityOf(word) is not null) return Begin(word);
            if (word is VdevRequest.Log or VdevRequest.Spare)
            {
                if (End() is { } incomplete) return incomplete;
                _role = word;
                _isRoleEmpty = true;
                return null;
            }
            if (Foreign.Contains(word) || OtherRaid().IsMatch(word))
            {
                return $"'{word}' is no layout of this version: {Summary}";
            }
            if (word.Length == 0) return "a device name is empty";
            string device = Resolve(word);
            if (!_seen.Add(device)) return $"{device} is named twice";
            _isRoleEmpty = false;
            if (_kind is null) _found.Add(new VdevRequest("disk", [device], _role));
            else _group.Add(device);
            return null;
        }

        /// <summary>Ends the group under way.</summary>
        public string? End()
        {
            if (_kind is not { } kind)
            {
                return _isRoleEmpty ? $"'{_role}' is followed by no device: {Summary}" : null;
            }
            string count = _group.Count.ToString(CultureInfo.InvariantCulture);
            int least = (ParityOf(kind) ?? 1) + 1;
            if (_group.Count < least) return $"a {kind} needs {Word(least)} devices or more, not {count}";
            if (_group.Count > MaximumDevices) return $"a {kind} has 255 devices at most, not {count}";
            _found.Add(new VdevRequest(kind, [.. _group], _role));
            _group.Clear();
            _kind = null;
            return null;
        }

        private string? Begin(string kind)
        {
            if (_role == VdevRequest.Spare && _isRoleEmpty)
            {
                return $"a spare is a single device, not a {kind}: spare DEV...";
            }
            if (_role == VdevRequest.Log && kind != "mirror")
            {
                return $"a log is a plain device or a mirror, not {kind}; name {kind} groups before 'log'";
            }
            // The group's devices are the role's: 'log mirror' names some.
            bool isLogMirror = _role == VdevRequest.Log && _isRoleEmpty;
            if (!isLogMirror && End() is { } incomplete) return incomplete;
            if (_role == VdevRequest.Spare) _role = VdevRequest.Data;
            _isRoleEmpty = false;
            _kind = kind;
            return null;
        }

        private static string Word(int number) => number switch
        {
            2 => "two",
            3 => "three",
            _ => "four",
        };
    }
}
