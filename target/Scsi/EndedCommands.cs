using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Target.Scsi;

/// <summary>
/// Commands that ended in this turn of the loop, until they are counted at its end. That is when their
/// answers go out, so it is the end of their time; and one look at the clock does for all of them. What
/// arrived together and is alike, as the reads of a deep queue are, is counted together.
/// </summary>
internal sealed class EndedCommands(ILoop loop) : ITurnEnd
{
    private const int MaximumRuns = 64;

    private readonly Run[] _runs = new Run[MaximumRuns];
    private int _count;

    /// <summary>A command has ended and is about to be answered.</summary>
    public void Add(ScsiTask task)
    {
        if (task.Unit is not { } unit
            || !LogicalUnit.TryClassify(task, out EndedKind kind, out long bytes)) return;
        if (_count > 0)
        {
            ref Run last = ref _runs[_count - 1];
            if (last.ArrivedNanoseconds == task.ArrivedNanoseconds && last.Bytes == bytes
                && last.Kind == kind && ReferenceEquals(last.Times, unit.Times))
            {
                last.Commands++;
                return;
            }

            if (_count == MaximumRuns) OnTurnEnd();
        }

        if (_count == 0) loop.Defer(this);
        _runs[_count++] = new Run
        {
            Times = unit.Times,
            ArrivedNanoseconds = task.ArrivedNanoseconds,
            Bytes = bytes,
            Kind = kind,
            Commands = 1,
        };
    }

    public void OnTurnEnd()
    {
        if (_count == 0) return;
        long now = loop.NowNanoseconds;
        foreach (ref Run run in _runs.AsSpan(0, _count))
        {
            Count(run, now - run.ArrivedNanoseconds);
            run.Times = null!;
        }

        _count = 0;
    }

    private static void Count(in Run run, long took)
    {
        switch (run.Kind)
        {
            case EndedKind.Read:
                run.Times.Reads.Add(took, run.Commands);
                run.Times.ReadSizes.Add(run.Bytes, run.Commands);
                break;
            case EndedKind.Write:
                run.Times.Writes.Add(took, run.Commands);
                run.Times.WriteSizes.Add(run.Bytes, run.Commands);
                break;
            case EndedKind.ChangeWithoutSize:
                run.Times.Writes.Add(took, run.Commands);
                break;
            default:
                run.Times.Flushes.Add(took, run.Commands);
                run.Times.Add(IoStage.Commit, took, run.Commands);
                break;
        }
    }

    private struct Run
    {
        public VolumeTimes Times;
        public long ArrivedNanoseconds;
        public long Bytes;
        public EndedKind Kind;
        public int Commands;
    }
}
