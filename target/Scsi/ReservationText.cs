using System.Globalization;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// Reservations as one line: type, index of the holder, and a key and nexus for each registrant. What is kept
/// with a volume of this node alone ends there; nodes that serve one volume together tell each other the rest
/// too, in words that begin with +.
/// </summary>
internal static class ReservationText
{
    private const string Generation = "+generation=";
    private const string Kept = "+kept";
    private const string Reserver = "+reserver";
    private const int HeadWords = 2;

    /// <summary>What is to be kept: nothing, unless that was asked for.</summary>
    public static string OfKept(PersistentReservations state) =>
        state is { IsKept: true, HasAny: true } ? Compose(state) : "";

    /// <summary>Length of that, were it to be kept.</summary>
    public static int BytesOf(PersistentReservations state) => Encoding.UTF8.GetByteCount(Compose(state));

    /// <summary>All that other nodes must know.</summary>
    public static string OfAll(PersistentReservations state)
    {
        StringBuilder text = new(Compose(state));
        text.Append(CultureInfo.InvariantCulture, $" {Generation}{state.Generation}");
        if (state.IsKept) text.Append(' ').Append(Kept);
        if (state.Reserver is { } reserver) text.Append(' ').Append(reserver.ToText(Reserver));
        return text.ToString();
    }

    /// <summary>Reads either; null if it is no such text.</summary>
    public static PersistentReservations? Parse(string text)
    {
        if (text.Length == 0) return new PersistentReservations();
        string[] words = text.Split(' ');
        if (words.Length <= HeadWords || !TryNumber(words[0], out int type)
            || !TryNumber(words[1], out int holder) || !Enum.IsDefined((ReservationType)type))
            return null;
        List<Registrant> registrants = [];
        bool isWhole = false;
        bool isKept = false;
        uint generation = 0;
        NexusName? reserver = null;
        foreach (string word in words.AsSpan(HeadWords))
        {
            bool isNexus = NexusName.TryRead(word, out string about, out NexusName name);
            if (isNexus && about == Reserver) reserver = name;
            else if (isNexus && TryKey(about, out ulong key))
                registrants.Add(new Registrant(name) { Key = key });
            else if (word == Kept) isKept = true;
            else if (TryGeneration(word, out uint number)) (isWhole, generation) = (true, number);
            else return null;
        }

        if (holder < -1 || holder >= registrants.Count) return null;
        return new PersistentReservations(registrants, (ReservationType)type, holder)
        {
            Generation = generation,
            IsKept = isKept || !isWhole,
            Reserver = reserver,
        };
    }

    private static string Compose(PersistentReservations state)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{(int)state.Type} {state.HolderIndex}");
        foreach (Registrant registrant in state.Registrants)
            text.Append(' ').Append(
                registrant.Name.ToText(registrant.Key.ToString("x", CultureInfo.InvariantCulture)));
        return text.ToString();
    }

    private static bool TryGeneration(string word, out uint generation)
    {
        generation = 0;
        return word.StartsWith(Generation, StringComparison.Ordinal) && uint.TryParse(
            word.AsSpan(Generation.Length), NumberStyles.None, CultureInfo.InvariantCulture, out generation);
    }

    private static bool TryKey(string text, out ulong key) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out key);

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
