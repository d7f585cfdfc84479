using System.Globalization;

namespace Cstor.Daemon.Explain;

/// <summary>Durations for people: three digits and the unit that fits.</summary>
internal static class DurationText
{
    /// <summary><c>870ns</c>, <c>12.3us</c>, <c>4.56ms</c>, <c>1.20s</c>; empty for nothing.</summary>
    public static string Of(double nanoseconds) => nanoseconds switch
    {
        <= 0 => "",
        < 1e3 => Digits(nanoseconds) + "ns",
        < 1e6 => Digits(nanoseconds / 1e3) + "us",
        < 1e9 => Digits(nanoseconds / 1e6) + "ms",
        _ => Digits(nanoseconds / 1e9) + "s",
    };

    private static string Digits(double value) => value.ToString(
        value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
