using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>What a session has done so far, or all sessions of a target together. Plain numbers: counting
/// allocates nothing.</summary>
internal sealed class SessionCounters
{
    public long Commands { get; set; }

    public long Reads { get; private set; }

    public long Writes { get; private set; }

    public long Errors { get; private set; }

    public long ReadBytes { get; set; }

    public long WrittenBytes { get; set; }

    public long Rejects { get; set; }

    public long DigestErrors { get; set; }

    public long TasksManaged { get; set; }

    /// <summary>A command has ended and its status goes out.</summary>
    public void CountEnded(ScsiTask task)
    {
        if (task.Command is { } command)
        {
            if (command.Is(CommandFlags.Writes)) Writes++;
            else if (command.Is(CommandFlags.Reads)) Reads++;
        }

        if (IsError(task)) Errors++;
    }

    public void Add(SessionCounters other)
    {
        Commands += other.Commands;
        Reads += other.Reads;
        Writes += other.Writes;
        Errors += other.Errors;
        ReadBytes += other.ReadBytes;
        WrittenBytes += other.WrittenBytes;
        Rejects += other.Rejects;
        DigestErrors += other.DigestErrors;
        TasksManaged += other.TasksManaged;
    }

    public IoCounters Take() => new(
        Commands, Reads, Writes, Errors, ReadBytes, WrittenBytes, Rejects, DigestErrors, TasksManaged);

    /// <summary>Unit attentions are news, not errors; so is a comparison that found a difference.</summary>
    private static bool IsError(ScsiTask task) =>
        task.Status == ScsiStatus.CheckCondition && task.Sense.Key is not (0x06 or 0x0e);
}
