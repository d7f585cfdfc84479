using System.Globalization;
using Cstor.Daemon.Schedules;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// The properties a volume can have. The engine understands and checks some; the daemon's own, which say who
/// may log in, are text to the engine and are checked here. A CHAP secret is never a property: the property
/// names the file that holds it.
/// </summary>
internal static class PropertyRules
{
    public const string ChapUser = "chap-user";
    public const string ChapSecretFile = "chap-secret-file";
    public const string MutualChapUser = "mutual-chap-user";
    public const string MutualChapSecretFile = "mutual-chap-secret-file";
    public const string Initiators = "initiators";
    public const string Redirect = "redirect";
    public const string ReadOnly = "readonly";

    /// <summary>For the help text.</summary>
    public const string Summary =
        "compression=off|lz4|zstd|zstd-N, checksum=xxh128|blake3, sync=standard|always|disabled, "
        + "readonly=on|off, cache=all|metadata|none, reservation=SIZE|auto|none, "
        + "snapshot-quota=SIZE|none, warn-at=N%|none, "
        + "chap-user=NAME, chap-secret-file=FILE, mutual-chap-user=NAME, "
        + "mutual-chap-secret-file=FILE, initiators=IQN,..., "
        + "redirect=ADDR:PORT[,permanent], "
        + "iops-limit=N|none, bandwidth-limit=SIZE|none, limit-burst=SECONDS, share=N, "
        + "snapshot-schedule='NAME MINUTE HOUR DAY MONTH WEEKDAY keep COUNT; ...'; "
        + "an empty value is the default";

    private const int ChapNameMaximum = 223;

    private static readonly string[] OfEngine =
    [
        "compression", "checksum", "sync", ReadOnly, "cache", "reservation", "snapshot-quota", "warn-at",
        SnapshotSchedule.Property,
    ];

    private static readonly string[] OfDaemon =
    [
        ChapUser, ChapSecretFile, MutualChapUser, MutualChapSecretFile, Initiators, Redirect,
        LimitRules.Commands, LimitRules.Bandwidth, LimitRules.Burst, LimitRules.Share,
    ];

    private static readonly string[] OfReplica =
    [
        "compression", "checksum", "cache", "reservation", "snapshot-quota", Redirect,
    ];

    /// <summary>Is it the same on all replicas of a volume, and not of each by itself?</summary>
    public static bool IsShared(string name) =>
        IsKnown(name) && name != ReadOnly && !OfReplica.Contains(name);

    public static bool IsKnown(string name) => OfEngine.Contains(name) || OfDaemon.Contains(name);

    /// <summary>Does it say who may log in or how much he may ask for, so that a target must learn of its
    /// change?</summary>
    public static bool IsOfDaemon(string name) => OfDaemon.Contains(name);

    /// <summary>Checks one property; those of the engine are checked there too.</summary>
    /// <returns>Why it cannot be set, or null.</returns>
    public static Fault? Check(string name, string value)
    {
        if (!IsKnown(name))
        {
            return new Fault(
                "bad-property",
                $"a volume has no property '{name}'",
                $"Known are {string.Join(", ", OfEngine.Concat(OfDaemon))}");
        }
        if (value.Any(char.IsControl)) return Bad(name, "holds a control character");
        if (value.Length == 0) return null;
        return name switch
        {
            ChapUser or MutualChapUser => value.Length > ChapNameMaximum
                ? Bad(name, $"is longer than {ChapNameMaximum} characters")
                : null,
            ChapSecretFile or MutualChapSecretFile => Path.IsPathFullyQualified(value)
                ? null
                : Bad(name, $"'{value}' is not an absolute path"),
            Initiators => CheckInitiators(value),
            SnapshotSchedule.Property => SnapshotSchedule.TryParse(value, out _) is { } unfit
                ? Bad(name, unfit)
                : null,
            Redirect => RedirectionText.Parse(value) is null
                ? Bad(name, $"'{value}' is no ADDR:PORT to send initiators to")
                : null,
            _ => LimitRules.Check(name, value) is { } reason ? Bad(name, reason) : null,
        };
    }

    /// <summary>Checks that the properties of one volume make sense together.</summary>
    /// <param name="properties">All of them, as they would be.</param>
    public static Fault? CheckTogether(IReadOnlyDictionary<string, string> properties)
    {
        bool hasUser = IsSet(properties, ChapUser);
        bool hasMutual = IsSet(properties, MutualChapUser);
        if (hasUser != IsSet(properties, ChapSecretFile)) return Pair(ChapUser, ChapSecretFile);
        if (hasMutual != IsSet(properties, MutualChapSecretFile))
        {
            return Pair(MutualChapUser, MutualChapSecretFile);
        }
        return hasMutual && !hasUser
            ? new Fault(
                "bad-property",
                "mutual CHAP needs the initiator to prove itself too",
                $"Set {ChapUser} and {ChapSecretFile} as well")
            : null;
    }

    /// <summary>The allowed initiators; empty for all.</summary>
    public static string[] SplitInitiators(string value) =>
        value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static Fault? CheckInitiators(string value)
    {
        foreach (string name in SplitInitiators(value))
        {
            bool hasForm = name.StartsWith("iqn.", StringComparison.Ordinal)
                || name.StartsWith("eui.", StringComparison.Ordinal)
                || name.StartsWith("naa.", StringComparison.Ordinal);
            if (!hasForm || name.Length > 223 || name.Any(char.IsAsciiLetterUpper)
                || name.Any(char.IsWhiteSpace))
            {
                return Bad(Initiators, $"'{name}' is no iSCSI name (iqn.YYYY-MM.DOMAIN:NAME, lower case)");
            }
        }
        return null;
    }

    private static bool IsSet(IReadOnlyDictionary<string, string> properties, string name) =>
        properties.TryGetValue(name, out string? value) && value.Length > 0;

    private static Fault Bad(string name, string reason) =>
        new(
            "bad-property",
            string.Create(CultureInfo.InvariantCulture, $"{name}: {reason}"),
            "Correct the value");

    private static Fault Pair(string first, string second) =>
        new("bad-property", $"{first} and {second} belong together", "Set both, or neither");
}
