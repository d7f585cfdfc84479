namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// Which names pools and volumes may have. Both become part of an iSCSI name (RFC 7143 §4.2.7), where letters
/// are lower case and only digits, hyphens and dots stand beside them. A pool's name has no dot, so that
/// <c>POOL.VOL</c> means one volume only.
/// </summary>
internal static class Names
{
    public const int PoolMaximum = 63;

    /// <summary>The engine allows no more; an iSCSI name of 223 bytes would.</summary>
    public const int VolumeMaximum = 63;

    /// <summary>What the iSCSI names of all volumes begin with.</summary>
    public const string TargetPrefix = "iqn.2026-11.io.cstor:";

    private static readonly string[] Reserved =
    [
        "mirror", "raidz", "raidz1", "raidz2", "raidz3", "log", "spare", "cache", "special", "disk",
        "replica",
    ];

    /// <summary>The iSCSI name of a volume.</summary>
    public static string Target(string pool, string volume) => Target($"{pool}.{volume}");

    /// <summary>The iSCSI name of a target that is in no pool.</summary>
    public static string Target(string name) => TargetPrefix + name.ToLowerInvariant();

    /// <returns>Why the text is no pool name, or null.</returns>
    public static string? CheckPool(string name)
    {
        if (Reserved.Contains(name)) return $"'{name}' is a keyword and cannot name a pool";
        return Check(name, "pool", "", PoolMaximum);
    }

    /// <returns>Why the text is no volume name within a pool, or null.</returns>
    public static string? CheckVolume(string name) => Check(name, "volume", ".", VolumeMaximum);

    /// <summary>Takes <c>POOL/VOL</c> apart.</summary>
    /// <returns>Why the text is none, or null.</returns>
    public static string? Split(string text, out string pool, out string volume)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        pool = slash < 0 ? text : text[..slash];
        volume = slash < 0 ? "" : text[(slash + 1)..];
        if (slash <= 0 || volume.Length == 0)
        {
            return $"'{text}' names no volume: write POOL/VOL, such as tank/db";
        }
        return CheckPool(pool) ?? CheckVolume(volume);
    }

    private static string? Check(string name, string what, string extra, int maximum)
    {
        if (name.Length == 0) return $"the {what} name is empty";
        if (name.Length > maximum) return $"the {what} name '{name}' is longer than {maximum} characters";
        bool isClean = char.IsAsciiLetterLower(name[0])
            && name.All(
                c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-' || extra.Contains(c));
        string dots = extra.Length == 0 ? "" : " and dots";
        return isClean
            ? null
            : $"'{name}' is no {what} name: take lower-case letters, digits, hyphens{dots}, a letter first";
    }
}
