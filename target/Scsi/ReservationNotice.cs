using System.Globalization;

namespace Cstor.Target.Scsi;

/// <summary>What a change of reservations means for one nexus.</summary>
/// <param name="To">Which; if it has no session now, nobody is told.</param>
/// <param name="Ascq">Qualifier of the unit attention RESERVATIONS and so on, 2Ah.</param>
/// <param name="Aborts">All its tasks are taken away, by PREEMPT AND ABORT.</param>
internal readonly record struct ReservationNotice(NexusName To, byte Ascq, bool Aborts = false)
{
    private const string AbortMark = "!";

    public Sense Attention => Sense.ReservationsPreempted with { Ascq = Ascq };

    /// <summary>Reads a line of what <see cref="ToText"/> wrote; leaves out what makes no sense.</summary>
    public static List<ReservationNotice> Parse(string text)
    {
        List<ReservationNotice> notices = [];
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!NexusName.TryRead(word, out string about, out NexusName to)) continue;
            bool aborts = about.EndsWith(AbortMark, StringComparison.Ordinal);
            string number = aborts ? about[..^1] : about;
            if (byte.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out byte ascq))
                notices.Add(new ReservationNotice(to, ascq, aborts));
        }

        return notices;
    }

    /// <summary>All of them as one line.</summary>
    public static string ToText(IEnumerable<ReservationNotice> notices) => string.Join(
        ' ', notices.Select(static notice => notice.To.ToText(
            notice.Ascq.ToString(CultureInfo.InvariantCulture) + (notice.Aborts ? AbortMark : ""))));
}
