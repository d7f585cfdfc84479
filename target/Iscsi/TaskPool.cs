using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>Task objects of a server, reused.</summary>
internal sealed class TaskPool
{
    private readonly Stack<IscsiTask> _free = new(256);

    /// <summary>Tasks given out and not yet back.</summary>
    public int RentedCount { get; private set; }

    public IscsiTask Rent(IscsiSession session, PduHeader header)
    {
        RentedCount++;
        IscsiTask task = _free.TryPop(out IscsiTask? free) ? free : new IscsiTask();
        task.Session = session;
        task.Nexus = session.Setup.Nexus!;
        // Its header is parsed in the turn in which it was received.
        task.ArrivedNanoseconds = session.Setup.Loop.TurnNanoseconds;
        task.InitiatorTaskTag = header.InitiatorTaskTag;
        task.CmdSn = header.CmdSn;
        task.Lun = header.Lun;
        task.IsImmediate = header.IsImmediate;
        task.Attribute = (TaskAttribute)(header.Flags & 7);
        task.Unit = header.Lun == 0 ? session.Setup.Target!.Unit : null;
        header.Cdb.CopyTo(task.Cdb);
        return task;
    }

    public void Return(IscsiTask task)
    {
        RentedCount--;
        _free.Push(task);
    }
}
