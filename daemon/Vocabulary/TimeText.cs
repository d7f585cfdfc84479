using System.Globalization;

namespace Cstor.Daemon.Vocabulary;

/// <summary>How points in time are told.</summary>
internal static class TimeText
{
    /// <summary><c>2026-11-21 12:00:00Z</c></summary>
    public static string Utc(DateTimeOffset time) =>
        time.UtcDateTime.ToString("u", CultureInfo.InvariantCulture);
}
