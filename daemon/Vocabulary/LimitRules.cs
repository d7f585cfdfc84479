using System.Globalization;
using Cstor.PoolLayout.Units;
using Cstor.Target;

namespace Cstor.Daemon.Vocabulary;

/// <summary>The properties that bound what a volume may be asked for, alone or beside others.</summary>
internal static class LimitRules
{
    public const string Commands = "iops-limit";
    public const string Bandwidth = "bandwidth-limit";
    public const string Burst = "limit-burst";

    public const string Share = "share";

    private const string None = "none";
    private const long MaximumCommands = 10_000_000;
    private const long MinimumBandwidth = 64 * 1024;
    private const int MaximumBurst = 3600;
    private const int MaximumShare = 10_000;

    /// <returns>What is wrong with a value, or null.</returns>
    public static string? Check(string name, string value) => name switch
    {
        Commands => CommandsOf(value) is null
            ? $"'{value}' is no number of commands in a second, 1 to {MaximumCommands}, or none"
            : null,
        Bandwidth => BandwidthOf(value) is null
            ? $"'{value}' is no size for a second, 64K or more, or none"
            : null,
        Burst => BurstOf(value) is null ? $"'{value}' are no seconds, 1 to {MaximumBurst}" : null,
        Share => ShareOf(value) is null ? $"'{value}' is no share, 1 to {MaximumShare}" : null,
        _ => null,
    };

    /// <summary>The weight that properties name; they were checked.</summary>
    public static int WeightOf(IEnumerable<KeyValuePair<string, string>> properties)
    {
        foreach ((string name, string value) in properties)
        {
            if (name == Share) return ShareOf(value) ?? TargetDefinition.DefaultShare;
        }
        return TargetDefinition.DefaultShare;
    }

    /// <summary>The limits that properties name; those that were checked.</summary>
    public static RateLimits Of(IEnumerable<KeyValuePair<string, string>> properties)
    {
        RateLimits limits = RateLimits.None;
        foreach ((string name, string value) in properties)
        {
            limits = name switch
            {
                Commands => limits with { CommandsPerSecond = CommandsOf(value) ?? 0 },
                Bandwidth => limits with { BytesPerSecond = BandwidthOf(value) ?? 0 },
                Burst => limits with { BurstSeconds = BurstOf(value) ?? 1 },
                _ => limits,
            };
        }
        return limits;
    }

    private static long? CommandsOf(string value)
    {
        if (value is "" or None) return 0;
        return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long commands)
            && commands is >= 1 and <= MaximumCommands
            ? commands
            : null;
    }

    private static long? BandwidthOf(string value)
    {
        if (value is "" or None) return 0;
        return ByteSize.TryParse(value, out long bytes, out _) && bytes >= MinimumBandwidth ? bytes : null;
    }

    private static int? ShareOf(string value)
    {
        if (value.Length == 0) return TargetDefinition.DefaultShare;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int share)
            && share is >= 1 and <= MaximumShare
            ? share
            : null;
    }

    private static int? BurstOf(string value)
    {
        if (value.Length == 0) return 1;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            && seconds is >= 1 and <= MaximumBurst
            ? seconds
            : null;
    }
}
