using Cstor.Engine.Host;

namespace Cstor.Daemon.Configuration;

/// <summary>
/// The configuration file: lines <c>key = value</c>, comments behind a <c>#</c> at the start of a line, keys
/// as the flags of <c>cstor daemon</c>. Flat and line by line, so that every complaint can name its line.
/// What may stand in it is decided by <see cref="SettingReader"/>, alike for flags.
/// </summary>
internal static class ConfigurationFile
{
    public const int MaximumBytes = 1024 * 1024;

    public static Outcome<List<Setting>> Load(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaximumBytes)
            {
                return new Fault(
                    "configuration",
                    $"{path} is larger than {MaximumBytes} bytes",
                    "Name a configuration file");
            }
            return Parse(path, File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault("configuration", $"cannot read {path}: {exception.Message}", "Correct --config");
        }
    }

    public static Outcome<List<Setting>> Parse(string path, string text)
    {
        List<Setting> settings = [];
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            string origin = $"{path}:{i + 1}";
            int sign = line.IndexOf('=', StringComparison.Ordinal);
            string key = sign < 0 ? line : line[..sign].TrimEnd();
            if (sign < 0)
            {
                return new Fault(
                    "configuration",
                    $"{origin}: '{line}' is no setting",
                    "Write KEY = VALUE, or # before a comment");
            }
            if (key.Length == 0)
            {
                return new Fault("configuration", $"{origin}: a key is missing", "Write KEY = VALUE");
            }
            settings.Add(new Setting(key, line[(sign + 1)..].Trim(), origin));
        }
        return settings;
    }
}
