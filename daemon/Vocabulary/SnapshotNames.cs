namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// How snapshots are named and chosen: <c>POOL/VOL@SNAP</c>, and where several are meant
/// <c>POOL/VOL@a,b%d,%f</c>, a list of names and of runs in the order in which they were taken.
/// </summary>
internal static class SnapshotNames
{
    /// <summary>The engine allows no more.</summary>
    public const int Maximum = 63;

    /// <summary>The engine keeps a tag as part of a property's name.</summary>
    public const int TagMaximum = 59;

    /// <summary>Between the first and the last snapshot of a run; an end left out is the oldest or newest.
    /// </summary>
    public const char RunMark = '%';

    /// <returns>Why the text is no snapshot name, or null.</returns>
    public static string? Check(string name)
    {
        if (name.Length == 0) return "the snapshot name is empty";
        if (name.Length > Maximum) return $"the snapshot name '{name}' is longer than {Maximum} characters";
        bool isClean = char.IsAsciiLetterOrDigit(name[0])
            && name.All(static c => char.IsAsciiLetterOrDigit(c) || IsMark(c));
        return isClean
            ? null
            : $"'{name}' is no snapshot name: take letters, digits and - _ . : with a letter or digit first";
    }

    /// <returns>Why the text cannot name a hold, or null.</returns>
    public static string? CheckTag(string tag)
    {
        if (tag.Length == 0) return "the tag is empty";
        if (tag.Length > TagMaximum) return $"the tag '{tag}' is longer than {TagMaximum} characters";
        return tag.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || IsMark(c))
            ? null
            : $"'{tag}' is no tag: take lower-case letters, digits and - _ . :";
    }

    /// <summary>Takes <c>POOL/VOL@SNAP</c> apart.</summary>
    /// <returns>Why the text is none, or null.</returns>
    public static string? Split(string text, out string pool, out string volume, out string snapshot)
    {
        if (SplitVolume(text, out pool, out volume, out snapshot) is { } reason) return reason;
        return snapshot.Contains(',') || snapshot.Contains(RunMark)
            ? $"'{text}' names several snapshots, and one is wanted here"
            : Check(snapshot);
    }

    /// <summary>Takes <c>POOL/VOL@a,b%c</c> apart.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="pool">The pool.</param>
    /// <param name="volume">The volume within it.</param>
    /// <param name="choices">Names and runs.</param>
    /// <returns>Why the text is none, or null.</returns>
    public static string? SplitChoice(string text, out string pool, out string volume, out string[] choices)
    {
        choices = [];
        if (SplitVolume(text, out pool, out volume, out string snapshots) is { } reason) return reason;
        choices = snapshots.Split(',');
        return choices.Select(CheckChoice).FirstOrDefault(wrong => wrong is not null);
    }

    /// <summary>One name, or a run of them.</summary>
    /// <returns>Why the text is neither, or null.</returns>
    public static string? CheckChoice(string choice)
    {
        string[] ends = choice.Split(RunMark);
        if (ends.Length == 1) return Check(choice);
        return ends.Length > 2
            ? $"'{choice}' is no run of snapshots: write FIRST{RunMark}LAST"
            : ends.Where(end => end.Length > 0).Select(Check).FirstOrDefault(wrong => wrong is not null);
    }

    private static string? SplitVolume(
        string text, out string pool, out string volume, out string snapshots)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        snapshots = at < 0 ? "" : text[(at + 1)..];
        string? reason = Names.Split(at < 0 ? text : text[..at], out pool, out volume);
        return at <= 0 || snapshots.Length == 0
            ? $"'{text}' names no snapshot: write POOL/VOL@SNAP, such as tank/db@monday"
            : reason;
    }

    private static bool IsMark(char c) => c is '-' or '_' or '.' or ':';
}
