using System.Globalization;
using System.Text;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.PoolLayout.Units;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Properties by name: those that the engine itself obeys, and any others, which it keeps for the target
/// and the daemon as text.
/// </summary>
public static class VolumeProperties
{
    private const int MaximumZstdLevel = 19;
    private const long MaximumSize = 1L << 60;
    private const string WarnAt = "warn-at";

    // A group's record grows by itself, and a replica that cannot keep it takes no part any more.
    private const int ReplicationRoomBytes = 512;

    /// <summary>
    /// No property to a user: what the target keeps with a volume. It goes with the pool.
    /// </summary>
    public const string ReservationsKey = "scsi-reservations";

    /// <summary>What a replica's group keeps with the volume; no property to a user either.</summary>
    public const string ReplicationKey = "replication";

    /// <summary>Sets one property in a record. On a fault the record is as before.</summary>
    /// <param name="record">The settings.</param>
    /// <param name="key">Lower-case letters, digits, <c>-</c>, <c>_</c>, <c>.</c> and <c>:</c>.</param>
    /// <param name="value">One line; empty removes a property that the engine does not know itself.</param>
    internal static Fault? Set(ref DatasetRecord record, string key, string value)
    {
        switch (key)
        {
            case "compression": return SetCompression(ref record, value);
            case "checksum": return SetChecksum(ref record, value);
            case "sync": return SetSync(ref record, value);
            case "readonly": return SetReadOnly(ref record, value);
            case "cache": return SetCache(ref record, value);
            case "reservation": return SetReservation(ref record, value);
            case "snapshot-quota": return SetSnapshotQuota(ref record, value);
            case WarnAt when value is not ("" or "none") && PercentOf(value) == 0:
                return Bad(WarnAt, value, "a share of the pool's space, 1% to 99%, or none");
            case WarnAt: return SetText(ref record, WarnAt, value == "none" ? "" : value);
            default: return SetText(ref record, key, value);
        }
    }

    /// <summary>All properties in the spelling of <c>volume set</c>.</summary>
    internal static IReadOnlyList<KeyValuePair<string, string>> List(ref DatasetRecord record)
    {
        List<KeyValuePair<string, string>> all =
        [
            new("compression", VolumeStatusText.CompressionText(record)),
            new("checksum", record.Checksum == ChecksumKind.Blake3 ? "blake3" : "xxh128"),
            new("sync", TextOf(record.Sync)),
            new("readonly", record.ReadOnly != 0 ? "on" : "off"),
            new("cache", TextOf(record.Cache)),
            new("reservation", SizeText(record.ReservationBytes)),
            new("snapshot-quota", SizeText(record.SnapshotQuotaBytes)),
        ];
        all.AddRange(Texts(record.Properties).Where(
            static pair => pair.Key is not (ReservationsKey or ReplicationKey)));
        return all;
    }

    /// <summary>What the target keeps with the volume, or nothing.</summary>
    internal static string Reservations(in DatasetRecord record)
    {
        foreach ((string key, string value) in Texts(record.Properties))
            if (key == ReservationsKey)
                return value;
        return "";
    }

    /// <summary>Bytes that it may have, beside the other properties.</summary>
    internal static int ReservationsRoom(in DatasetRecord record)
    {
        DatasetRecord without = record;
        int now = Encoding.UTF8.GetByteCount(Reservations(record));
        bool removed = TrySetReservations(ref without, "");
        return removed ? Math.Max(now, DatasetRecord.PropertyMaximumBytes - without.PropertyBytes
            - KeptFree(Texts(without.Properties)) - LineBytes(ReservationsKey, "")) : now;
    }

    /// <summary>Bytes that a property takes.</summary>
    public static int LineBytes(string key, string value) =>
        Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value) + "=\n".Length;

    /// <summary>False, and the record as before, if there is no room.</summary>
    internal static bool TrySetReservations(ref DatasetRecord record, string text) =>
        SetText(ref record, ReservationsKey, text) is null;

    /// <summary>The share of the pool's space that warn-at names, or 0.</summary>
    internal static int WarnAtPercent(in DatasetRecord record)
    {
        foreach ((string key, string value) in Texts(record.Properties))
            if (key == WarnAt)
                return PercentOf(value);
        return 0;
    }

    internal static string TextOf(SyncMode sync) => sync switch
    {
        SyncMode.Always => "always",
        SyncMode.Disabled => "disabled",
        _ => "standard",
    };

    private static string TextOf(CachePolicy cache) => cache switch
    {
        CachePolicy.Metadata => "metadata",
        CachePolicy.None => "none",
        _ => "all",
    };

    private static Fault? SetCompression(ref DatasetRecord record, string value)
    {
        int level = 0;
        CompressionKind kind;
        if (value == "off") kind = CompressionKind.Off;
        else if (value == "lz4") kind = CompressionKind.Lz4;
        else if (value == "zstd") kind = CompressionKind.Zstd;
        else if (value.StartsWith("zstd-", StringComparison.Ordinal)
            && int.TryParse(value.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out level)
            && level is >= 1 and <= MaximumZstdLevel) kind = CompressionKind.Zstd;
        else return Bad("compression", value, "off, lz4, zstd or zstd-1 to zstd-19");
        record.Compression = kind;
        record.CompressionLevel = (byte)level;
        return null;
    }

    private static Fault? SetChecksum(ref DatasetRecord record, string value)
    {
        if (value is not ("xxh128" or "blake3")) return Bad("checksum", value, "xxh128 or blake3");
        record.Checksum = value == "blake3" ? ChecksumKind.Blake3 : 0;
        return null;
    }

    private static Fault? SetSync(ref DatasetRecord record, string value)
    {
        foreach (SyncMode mode in Enum.GetValues<SyncMode>())
        {
            if (TextOf(mode) != value) continue;
            record.Sync = mode;
            return null;
        }

        return Bad("sync", value, "standard, always or disabled");
    }

    private static Fault? SetReadOnly(ref DatasetRecord record, string value)
    {
        if (value is not ("on" or "off")) return Bad("readonly", value, "on or off");
        record.ReadOnly = value == "on" ? (byte)1 : (byte)0;
        return null;
    }

    private static Fault? SetCache(ref DatasetRecord record, string value)
    {
        foreach (CachePolicy policy in Enum.GetValues<CachePolicy>())
        {
            if (TextOf(policy) != value) continue;
            record.Cache = policy;
            return null;
        }

        return Bad("cache", value, "all, metadata or none");
    }

    private static Fault? SetReservation(ref DatasetRecord record, string value)
    {
        long bytes = DatasetRecord.ReserveAll;
        if (value != "auto" && !TryReadSize(value, out bytes))
            return Bad("reservation", value, "a size such as 10G, auto or none");
        record.ReservationBytes = bytes;
        return null;
    }

    private static Fault? SetSnapshotQuota(ref DatasetRecord record, string value)
    {
        if (!TryReadSize(value, out long bytes))
            return Bad("snapshot-quota", value, "a size such as 10G, or none");
        record.SnapshotQuotaBytes = bytes;
        return null;
    }

    private static bool TryReadSize(string value, out long bytes)
    {
        bytes = 0;
        return value is "" or "none" || (ByteSize.TryParse(value, out bytes, out _) && bytes <= MaximumSize);
    }

    private static string SizeText(long bytes) => bytes switch
    {
        0 => "none",
        DatasetRecord.ReserveAll => "auto",
        _ => ByteSize.Format(bytes),
    };

    private static int PercentOf(string value) =>
        value.EndsWith('%')
            && int.TryParse(
                value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture,
                out int percent)
            && percent is > 0 and < 100
            ? percent
            : 0;

    private static Fault? SetText(ref DatasetRecord record, string key, string value)
    {
        if (key.Length is 0 or > 64
            || !key.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || "-_.:".Contains(c)))
            return new Fault("bad-property", $"'{key}' is no property name",
                "Use lower-case letters, digits and - _ . :");
        if (value.AsSpan().ContainsAny('\n', '\r', '\0'))
            return new Fault("bad-property", $"the value of {key} has a line break");
        List<KeyValuePair<string, string>> texts = Texts(record.Properties);
        texts.RemoveAll(pair => pair.Key == key);
        if (value.Length > 0) texts.Add(new(key, value));
        StringBuilder all = new();
        foreach ((string name, string text) in texts) all.Append(name).Append('=').Append(text).Append('\n');
        int bytes = Encoding.UTF8.GetByteCount(all.ToString());
        int most = DatasetRecord.PropertyMaximumBytes - (key == ReplicationKey ? 0 : KeptFree(texts));
        // Where others take more already, they may become fewer.
        if (bytes > most && bytes > record.PropertyBytes)
            return new Fault("properties-full",
                "the properties of a volume take at most "
                    + $"{DatasetRecord.PropertyMaximumBytes - ReplicationRoomBytes} bytes",
                "Remove one by setting it to nothing: volume set NAME=");
        record.Properties = all.ToString();
        return null;
    }

    // Beside what the group keeps already.
    private static int KeptFree(List<KeyValuePair<string, string>> texts)
    {
        int kept = 0;
        foreach ((string key, string value) in texts)
            if (key == ReplicationKey)
                kept = LineBytes(key, value);
        return Math.Max(0, ReplicationRoomBytes - kept);
    }

    /// <summary>The properties that are kept as text.</summary>
    internal static List<KeyValuePair<string, string>> Texts(string text)
    {
        List<KeyValuePair<string, string>> pairs = [];
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) pairs.Add(new(line[..equals], line[(equals + 1)..]));
        }

        return pairs;
    }

    private static Fault Bad(string key, string value, string allowed) =>
        new("bad-property", $"{key}={value} is not possible", $"Use {allowed}");
}
