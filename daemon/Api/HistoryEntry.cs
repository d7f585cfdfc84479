namespace Cstor.Daemon.Api;

/// <summary>An administrative act: a line of <c>pool history</c>.</summary>
/// <param name="Sequence">Grows by one with each act of this daemon's state directory.</param>
/// <param name="Time">When it ended.</param>
/// <param name="By">Who asked: a user of this host, the holder of the token, or the schedule.</param>
/// <param name="Pool">The pool it was about, or empty.</param>
/// <param name="Command">As it was typed; the request, if it was not typed.</param>
/// <param name="Result"><c>done</c>, or the code of what stood in the way.</param>
/// <param name="Lines">What was done, or what stood in the way.</param>
internal sealed record HistoryEntry(
    long Sequence, DateTimeOffset Time, string By, string Pool, string Command, string Result, string[] Lines)
{
    /// <summary><see cref="Result"/> of an act that did what it should.</summary>
    public const string Done = "done";
}
