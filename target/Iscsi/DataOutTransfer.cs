using Cstor.Engine.Host;
using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Gathers the data of a command from the initiator, RFC 7143 §4.2.5 and §11.7: immediate with the command,
/// unsolicited up to the first burst, then as solicited by R2T. PDUs and sequences come in order (we
/// negotiate so); one out of order, too long or unexpected dooms its task, not the session. A command is
/// executed, or refused, once its unsolicited data is in.
/// </summary>
internal sealed class DataOutTransfer(IscsiSession session, ResponseWriter responses)
{
    private const byte ReadFlag = 0x40;
    private const byte WriteFlag = 0x20;

    private uint _nextTransferTag = 1;

    /// <summary>
    /// The task into whose buffer a Data-Out is being received: it must not end meanwhile.
    /// </summary>
    public IscsiTask? Current { get; set; }

    /// <summary>
    /// A command arrives: sizes its transfer, takes a buffer, and says where immediate data goes.
    /// </summary>
    public IoSlice Open(IscsiTask task, PduHeader header)
    {
        bool reads = (header.Flags & ReadFlag) != 0;
        bool writes = (header.Flags & WriteFlag) != 0;
        uint expected = header.ExpectedTransferBytes;
        task.IsRead = reads;
        task.ExpectedInBytes = reads ? expected : 0;
        task.ExpectedOutBytes = writes ? expected : 0;
        task.UnsolicitedOpen = writes && !header.IsFinal;
        task.ProgressTick = session.Ticks;
        long takes = DeviceServer.Prepare(task);
        if (reads && writes) task.Doom(Sense.InvalidFieldInUnit);
        CheckUnsolicited(task, header, writes ? expected : 0);
        long gather = Math.Min(takes, task.ExpectedOutBytes);
        if (gather == 0 || gather > Limits.MaximumTransferBytes) return default;
        task.DataOut = task.TryRent((int)gather);
        if (task.DataOut is null) task.DoomBusy();
        if (task.IsDoomed || task.DataOut is null) return default;
        task.GatherBytes = (int)gather;
        return task.DataOut.First((int)Math.Min(gather, header.DataLengthBytes));
    }

    /// <summary>The task's turn has come, or more of its data: goes on as far as possible.</summary>
    public void Advance(IscsiTask task)
    {
        if (!task.IsDispatched || task.UnsolicitedOpen) return;
        if (task.HasAllData)
        {
            task.DataOutBytes = (int)Math.Min(task.ReceivedBytes, task.GatherBytes);
            session.Submit(task);
            return;
        }

        if (task.RequestedBytes == 0) task.RequestedBytes = (int)task.ReceivedBytes;
        while (task.OpenRequests < session.Parameters.MaxOutstandingR2T &&
            task.RequestedBytes < task.GatherBytes)
        {
            int lengthBytes = Math.Min(session.Parameters.MaxBurstBytes,
                task.GatherBytes - task.RequestedBytes);
            uint tag = TakeTransferTag();
            responses.SendTransferRequest(task, tag, task.RequestedBytes, lengthBytes);
            task.RequestedBytes += lengthBytes;
            task.ProgressTick = session.Ticks;
            task.AddRequest(new TransferRequest(tag, task.RequestedBytes));
        }
    }

    /// <summary>A Data-Out header: checks that it is the next piece and says where it goes.</summary>
    public bool Begin(PduHeader header, out IoSlice destination)
    {
        destination = default;
        Current = null;
        if (!session.Tasks.TryGetValue(header.InitiatorTaskTag, out IscsiTask? task) ||
            task.IsSubmitted) return true;
        Current = task;
        if (task.IsDoomed) return true;
        bool unsolicited = header.TargetTransferTag == PduHeader.NoTag;
        bool expected = unsolicited ? task.UnsolicitedOpen
            : task.OpenRequests > 0 && task.CurrentRequest.TransferTag == header.TargetTransferTag;
        long endBytes = task.ReceivedBytes + header.DataLengthBytes;
        long limitBytes = unsolicited ? Math.Min(session.Parameters.FirstBurstBytes, task.ExpectedOutBytes)
            : expected ? task.CurrentRequest.EndBytes : 0;
        if (!expected)
        {
            task.Doom(Sense.UnexpectedUnsolicitedData);
            return true;
        }

        if (header.DataSn != task.NextDataOutSn || header.BufferOffset != task.ReceivedBytes ||
            endBytes > limitBytes)
        {
            task.Doom(Sense.IncorrectAmountOfData);
            return true;
        }

        if (task.DataOut is null || task.ReceivedBytes >= task.GatherBytes) return true;
        int keepBytes = (int)Math.Min(header.DataLengthBytes, task.GatherBytes - task.ReceivedBytes);
        destination = task.DataOut.Slice.Slice((int)task.ReceivedBytes, keepBytes);
        return true;
    }

    /// <summary>The data segment is in.</summary>
    public bool End(PduHeader header, bool dataIntact)
    {
        IscsiTask? task = Current;
        Current = null;
        if (task is null) return true;
        if (task.IsAborted)
        {
            session.OnTaskEnded(task);
            return true;
        }

        if (!dataIntact)
        {
            session.Counters.DigestErrors++;
            session.Reject(header, RejectReason.DataDigestError);
            task.Doom(Sense.ProtocolServiceCrcError);
        }

        bool unsolicited = header.TargetTransferTag == PduHeader.NoTag;
        if (!task.IsDoomed)
        {
            task.ReceivedBytes += header.DataLengthBytes;
            task.ProgressTick = session.Ticks;
            task.NextDataOutSn = unchecked(task.NextDataOutSn + 1);
        }

        if (header.IsFinal) CloseSequence(task, unsolicited);
        if (task.IsDoomed && !unsolicited) task.UnsolicitedOpen = false;
        Advance(task);
        return true;
    }

    private static void CloseSequence(IscsiTask task, bool unsolicited)
    {
        task.NextDataOutSn = 0;
        if (unsolicited)
        {
            task.UnsolicitedOpen = false;
            return;
        }

        if (task.IsDoomed) return;
        if (task.ReceivedBytes != task.CurrentRequest.EndBytes) task.Doom(Sense.IncorrectAmountOfData);
        else task.CloseRequest();
    }

    private void CheckUnsolicited(IscsiTask task, PduHeader header, long expectedBytes)
    {
        SessionParameters agreed = session.Parameters;
        int immediate = header.DataLengthBytes;
        if ((immediate > 0 && !agreed.ImmediateData) || (task.UnsolicitedOpen && agreed.InitialR2T))
            task.Doom(Sense.UnexpectedUnsolicitedData);
        else if (immediate > agreed.FirstBurstBytes || immediate > expectedBytes)
            task.Doom(Sense.IncorrectAmountOfData);
    }

    private uint TakeTransferTag()
    {
        uint tag = _nextTransferTag;
        _nextTransferTag = tag >= int.MaxValue ? 1 : tag + 1;
        return tag;
    }
}
