namespace Cstor.Target;

/// <summary>What was asked and done, since the session or the target began.</summary>
/// <param name="Commands">SCSI commands received.</param>
/// <param name="Reads">Commands answered that read the medium.</param>
/// <param name="Writes">Commands answered that change the medium, unmapping included.</param>
/// <param name="Errors">
/// Commands answered with CHECK CONDITION, but for unit attentions and miscompares.
/// </param>
/// <param name="ReadBytes">Bytes sent to initiators.</param>
/// <param name="WrittenBytes">Bytes taken from them by commands that ended well.</param>
/// <param name="Rejects">PDUs rejected.</param>
/// <param name="DigestErrors">Data digests that did not match.</param>
/// <param name="TasksManaged">Task management functions asked for.</param>
public sealed record IoCounters(
    long Commands,
    long Reads,
    long Writes,
    long Errors,
    long ReadBytes,
    long WrittenBytes,
    long Rejects,
    long DigestErrors,
    long TasksManaged);
