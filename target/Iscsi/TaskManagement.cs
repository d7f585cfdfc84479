using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Task management, RFC 7143 §11.5, RFC 7144 §4 and SAM-5 §7. A function is answered when the tasks it took
/// away have ended; tasks of other initiators end without status and their nexus gets a unit attention (TAS
/// is 0).
/// </summary>
internal sealed class TaskManagement(IscsiSession session)
{
    private const byte Complete = 0;
    private const byte NoSuchTask = 1;
    private const byte NoSuchUnit = 2;
    private const byte ReassignNotSupported = 4;
    private const byte NotSupported = 5;
    private const byte Succeeded = 7;

    private enum Function
    {
        AbortTask = 1,
        AbortTaskSet = 2,
        ClearAca = 3,
        ClearTaskSet = 4,
        UnitReset = 5,
        TargetWarmReset = 6,
        TargetColdReset = 7,
        TaskReassign = 8,
        QueryTask = 9,
        QueryTaskSet = 10,
        NexusReset = 11,
    }

    public void Handle(PduHeader header)
    {
        var function = (Function)(header.Flags & 0x7f);
        uint tag = header.InitiatorTaskTag;
        TargetLog.TaskManagement(session.Setup.Logger, session.Setup.InitiatorName, header.Flags & 0x7f);
        session.Counters.TasksManaged++;
        bool needsUnit = function is Function.AbortTaskSet or Function.ClearTaskSet or Function.UnitReset;
        bool queries = function is Function.QueryTask or Function.QueryTaskSet;
        if ((needsUnit || (queries && session.Parameters.AllowsQueries)) && header.Lun != 0)
        {
            Answer(tag, NoSuchUnit);
            return;
        }

        switch (function)
        {
            case Function.AbortTask:
                AbortTask(header);
                break;
            case Function.AbortTaskSet:
                AbortMany(tag, own: true, others: false);
                break;
            case Function.ClearTaskSet:
                AbortMany(tag, own: true, others: true);
                break;
            case Function.UnitReset or Function.TargetWarmReset:
                AbortMany(tag, own: true, others: true, reset: true);
                break;
            case Function.TargetColdReset:
                AbortMany(tag, own: true, others: true, reset: true, cold: true);
                break;
            case Function.TaskReassign:
                Answer(tag, ReassignNotSupported);
                break;
            default:
                Query(function, header);
                break;
        }
    }

    /// <summary>
    /// What only a session of the newer protocol level may ask for, RFC 7144 §4.3. Queries have no additional
    /// response information: QUERY ASYNCHRONOUS EVENT alone would, and is not offered.
    /// </summary>
    private void Query(Function function, PduHeader header)
    {
        uint tag = header.InitiatorTaskTag;
        if (!session.Parameters.AllowsQueries)
        {
            Answer(tag, NotSupported);
            return;
        }

        switch (function)
        {
            case Function.QueryTask:
                bool isThere = session.Tasks.TryGetValue(header.ReferencedTaskTag, out IscsiTask? task);
                Answer(tag, isThere && IsInSet(task!) ? Succeeded : Complete);
                break;
            case Function.QueryTaskSet:
                Answer(tag, session.Tasks.Values.Any(IsInSet) ? Succeeded : Complete);
                break;
            case Function.NexusReset:
                AbortMany(tag, own: true, others: false);
                session.Setup.Target!.Unit.ResetNexus(session.Setup.Nexus!);
                break;
            default:
                Answer(tag, NotSupported);
                break;
        }
    }

    /// <summary>
    /// Not a command that came ahead of its turn and is not SCSI's yet, nor one taken away, whose answer
    /// nobody may wait for.
    /// </summary>
    private static bool IsInSet(IscsiTask task) =>
        task is { Unit: not null, IsDispatched: true, IsAborted: false };

    private void AbortTask(PduHeader header)
    {
        uint tag = header.InitiatorTaskTag;
        session.Tasks.TryGetValue(header.ReferencedTaskTag, out IscsiTask? task);
        // A command is rejected because its tag is another one's: that one is not meant.
        if ((task is null || task.CmdSn != header.RefCmdSn) &&
            session.TakeAsReceived(header.RefCmdSn, header.CmdSn))
        {
            Answer(tag, Complete);
            return;
        }

        if (task is null || task.Lun != header.Lun)
        {
            Answer(tag, NoSuchTask);
            return;
        }

        var wait = new AbortWait(() => Answer(tag, Complete));
        session.Abort(task, wait);
        wait.Done();
    }

    private void AbortMany(uint tag, bool own, bool others, bool reset = false, bool cold = false)
    {
        TargetNode target = session.Setup.Target!;
        var wait = new AbortWait(() => AnswerReset(tag, cold));
        foreach (IscsiSession each in target.Sessions.ToArray())
        {
            bool mine = ReferenceEquals(each, session);
            if (!(mine ? own : others)) continue;
            bool had = false;
            foreach (IscsiTask task in each.Tasks.Values.ToArray())
            {
                if (task.Unit is null) continue;
                had = true;
                each.Abort(task, wait);
            }

            if (had && !mine && !reset) each.Setup.Nexus!.Attend(Sense.CommandsCleared);
        }

        if (reset) target.Unit.Reset();
        wait.Done();
    }

    private void AnswerReset(uint tag, bool cold)
    {
        Answer(tag, Complete);
        if (!cold) return;
        foreach (IscsiSession each in session.Setup.Target!.Sessions.ToArray())
            each.Setup.Connection.CloseAfterAnswer("target cold reset");
    }

    private void Answer(uint tag, byte response)
    {
        if (session.IsClosed) return;
        Span<byte> header = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(header, IscsiOpcode.TaskManagementResponse, 0x80, tag);
        header[2] = response;
        session.Window.Open(session.Tasks.Count, session.Share.Budget.IsShort);
        PduWriter.SetSequence(header, session.TakeStatSn(), session.Window.ExpCmdSn, session.Window.MaxCmdSn);
        session.Sender.Send(header);
    }
}
