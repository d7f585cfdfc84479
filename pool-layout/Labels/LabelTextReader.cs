using System.Globalization;
using System.Text;

namespace Cstor.PoolLayout.Labels;

/// <summary>
/// Parses what <see cref="LabelText"/> prints, strictly: names in their order, numbers in their only
/// spelling, nothing left over. Features are read before anything that a newer program may have added, so
/// that an unknown one is what the operator hears of. A line whose name has a dot (<c>feature.name=value</c>)
/// belongs to a feature and is skipped if that one is listed.
/// </summary>
internal sealed class LabelTextReader
{
    private readonly List<string> _lines;
    private readonly HashSet<string> _features = [];
    private int _next;
    private string? _fault;

    private LabelTextReader(string text) => _lines = [.. text.Split('\n')];

    /// <summary>Parses the text.</summary>
    /// <returns>Reason with the line's number, or null.</returns>
    public static string? TryParse(string text, out PoolLabel? label)
    {
        label = null;
        LabelTextReader reader = new(text);
        PoolLabel parsed = reader.ReadLabel();
        if (reader._fault is not null) return reader._fault;
        if (parsed.Validate() is { } reason) return reason;
        label = parsed;
        return null;
    }

    private PoolLabel ReadLabel()
    {
        if (_lines.Count < 2 || _lines[^1].Length != 0) Fail("text does not end with a newline");
        _lines.RemoveAt(_lines.Count - 1);
        if (_fault is null && !TryTakeLine(LabelText.Title))
            Fail($"the first line is not '{LabelText.Title}'");
        uint version = (uint)Number(0, "version", uint.MaxValue);
        if (version != Layout.FormatVersion)
            Fail($"format version {version}, this program knows {Layout.FormatVersion}");
        List<string> features = Names("features");
        List<string> writeFeatures = Names("write-features");
        _features.UnionWith(features);
        _features.UnionWith(writeFeatures);
        string name = Value(0, "pool");
        Guid poolGuid = GuidOf(0, "pool-guid");
        // An unknown feature may have changed all that follows: what identifies the pool is enough to say so.
        if (features.Find(feature => !PoolFeatures.IsKnown(feature)) is { } unknown)
            Fail($"pool {name} ({poolGuid}) uses feature '{unknown}', which this program does not know");
        PoolLabel label = new()
        {
            Version = version,
            Features = features,
            WriteFeatures = writeFeatures,
            PoolName = name,
            PoolGuid = poolGuid,
            State = Word<PoolState>(0, "state", LabelText.NameOf),
            Generation = Number(0, "generation", ulong.MaxValue),
            Branches = ReadBranches(),
            DeviceGuid = GuidOf(0, "device-guid"),
            HostName = Value(0, "host"),
            HostId = GuidOf(0, "host-id"),
            Vdevs = ReadVdevs((int)Number(0, "vdevs", PoolLabel.MaximumVdevs)),
        };
        SkipFeatureLines(0);
        if (_fault is null && _next != _lines.Count) Fail($"unexpected '{_lines[_next]}'");
        return label;
    }

    private List<ulong> ReadBranches()
    {
        string value = Value(0, "branches");
        List<ulong> branches = [];
        if (_fault is not null) return branches;
        foreach (string name in value.Split(','))
        {
            bool isNumber = ulong.TryParse(
                name, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong branch);
            if (isNumber && LabelText.NameOf(branch) == name)
            {
                branches.Add(branch);
                continue;
            }

            Fail($"'branches' is no list of branches: '{value}'");
            break;
        }

        return branches;
    }

    private List<VdevConfig> ReadVdevs(int count)
    {
        List<VdevConfig> vdevs = [];
        while (_fault is null && vdevs.Count < count)
        {
            SkipFeatureLines(0);
            if (TryTakeLine("vdev")) vdevs.Add(ReadVdev(1));
            else if (_fault is null) Fail($"expected vdev {vdevs.Count} of {count}, found {NextLine()}");
        }

        return vdevs;
    }

    private VdevConfig ReadVdev(int depth)
    {
        VdevConfig vdev = new()
        {
            Kind = Word<VdevKind>(depth, "kind", LabelText.NameOf),
            Role = NextIs(depth, "role") ? Word<VdevRole>(depth, "role", LabelText.NameOf) : VdevRole.Data,
            Id = (int)Number(depth, "id", PoolLabel.MaximumVdevs),
            Guid = GuidOf(depth, "guid"),
            SizeSectors = (long)Number(depth, "sectors", BlockPlace.MaximumSector),
            State = NextIs(depth, "state")
                ? Word<VdevState>(depth, "state", LabelText.NameOf)
                : VdevState.Online,
            MissingFrom = NextIs(depth, "missing-from") ? Number(depth, "missing-from", ulong.MaxValue) : 0,
            Path = NextIs(depth, "path") ? Value(depth, "path") : "",
        };
        SkipFeatureLines(depth);
        List<VdevConfig> children = [];
        while (_fault is null && TryTakeLine(new string(' ', 2 * depth) + "vdev"))
        {
            if (depth == VdevConfig.MaximumDepth)
            {
                Fail("vdev tree too deep");
                break;
            }

            children.Add(ReadVdev(depth + 1));
            SkipFeatureLines(depth);
        }

        return vdev with { Children = children };
    }

    private string NextLine() => _next == _lines.Count ? "the end" : $"'{_lines[_next]}'";

    private bool TryTakeLine(string line)
    {
        if (_next == _lines.Count || _lines[_next] != line) return false;
        _next++;
        return true;
    }

    private static string Prefix(int depth, string name) => new string(' ', 2 * depth) + name + "=";

    private bool NextIs(int depth, string name) => _fault is null && _next < _lines.Count
        && _lines[_next].StartsWith(Prefix(depth, name), StringComparison.Ordinal);

    private void SkipFeatureLines(int depth)
    {
        string indent = new(' ', 2 * depth);
        while (_fault is null && _next < _lines.Count
            && _lines[_next].StartsWith(indent, StringComparison.Ordinal))
        {
            string line = _lines[_next][indent.Length..];
            int dot = line.IndexOf('.', StringComparison.Ordinal);
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (dot <= 0 || equals < dot || !_features.Contains(line[..dot])) return;
            _next++;
        }
    }

    private string Value(int depth, string name)
    {
        if (_fault is not null) return "";
        if (!NextIs(depth, name))
        {
            Fail($"expected '{name}', found {NextLine()}");
            return "";
        }

        string? value = Unescape(_lines[_next][Prefix(depth, name).Length..]);
        if (value is null) Fail($"'{name}' has a character or escape that does not belong there");
        else _next++;
        return value ?? "";
    }

    private static string? Unescape(string raw)
    {
        StringBuilder value = new(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            char c = raw[i];
            if (c is < ' ' or '\x7f') return null;
            if (c == '%')
            {
                if (i + 2 >= raw.Length || !char.IsAsciiHexDigitUpper(raw[i + 1])
                    || !char.IsAsciiHexDigitUpper(raw[i + 2]))
                    return null;
                c = (char)byte.Parse(
                    raw.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                if (c is not (< ' ' or '%' or '\x7f')) return null;
                i += 2;
            }

            value.Append(c);
        }

        return value.ToString();
    }

    private ulong Number(int depth, string name, ulong maximum)
    {
        string value = Value(depth, name);
        if (_fault is not null) return 0;
        if (ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            && number <= maximum
            && number.ToString(CultureInfo.InvariantCulture) == value) return number;
        Fail($"'{name}' is no number up to {maximum}: '{value}'");
        return 0;
    }

    private Guid GuidOf(int depth, string name)
    {
        string value = Value(depth, name);
        if (_fault is not null) return Guid.Empty;
        if (Guid.TryParseExact(value, "D", out Guid guid) && guid.ToString() == value) return guid;
        Fail($"'{name}' is no guid: '{value}'");
        return Guid.Empty;
    }

    private T Word<T>(int depth, string name, Func<T, string> nameOf)
        where T : struct, Enum
    {
        string value = Value(depth, name);
        if (_fault is not null) return default;
        foreach (T candidate in Enum.GetValues<T>())
        {
            if (nameOf(candidate) == value) return candidate;
        }

        Fail($"'{name}' has the unknown value '{value}'");
        return default;
    }

    private List<string> Names(string name)
    {
        string value = Value(0, name);
        if (_fault is not null || value.Length == 0) return [];
        List<string> names = [.. value.Split(',')];
        if (names.TrueForAll(one =>
            one.Length != 0 && one.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')))
            return names;
        Fail($"'{name}' is no list of feature names: '{value}'");
        return [];
    }

    private void Fail(string reason) => _fault ??= $"line {_next + 1}: {reason}";
}
