namespace Cstor.Daemon.Api;

/// <summary>Something that happened: a line of <c>pool events</c>.</summary>
/// <param name="Sequence">Grows by one with each event of this daemon's state directory.</param>
/// <param name="Time">When.</param>
/// <param name="Severity"><c>info</c>, <c>warning</c>, <c>error</c> or <c>critical</c>.</param>
/// <param name="Source">Which part of the daemon says it.</param>
/// <param name="Code">What kind of event, for programs.</param>
/// <param name="Pool">The pool it is about, or empty.</param>
/// <param name="Text">In words.</param>
internal sealed record EventEntry(
    long Sequence,
    DateTimeOffset Time,
    string Severity,
    string Source,
    string Code,
    string Pool,
    string Text);
