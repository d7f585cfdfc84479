using System.Buffers.Binary;
using Cstor.Engine.Host;
using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Data-In, R2T and SCSI responses, RFC 7143 §11.4, §11.7, §11.8. Status travels with the last Data-In
/// where it is GOOD; the F bit closes each burst; payload goes from the task's buffer to the socket without
/// a copy.
/// </summary>
internal sealed class ResponseWriter(IscsiSession session)
{
    /// <summary>Longer data segments bring nothing and hold up other answers.</summary>
    private const int LargestDataInBytes = 256 * 1024;

    private const byte Final = 0x80;
    private const byte Overflow = 0x04;
    private const byte Underflow = 0x02;
    private const byte StatusBit = 0x01;

    /// <summary>Answers a task that has ended.</summary>
    public void Finish(IscsiTask task)
    {
        session.Window.Open(session.Tasks.Count, session.Share.Budget.IsShort);
        session.Counters.CountEnded(task);
        bool good = task.Status == ScsiStatus.Good;
        if (good && !task.IsRead) session.Counters.WrittenBytes += task.DataOutBytes;
        if (good && task.DataIn is not null && task.IsRead)
        {
            int left = (int)Math.Min(task.DataInBytes, task.ExpectedInBytes - task.SentBytes);
            IoBuffer buffer = task.DataIn;
            task.DataIn = null;
            if (left > 0)
            {
                SendData(task, buffer, left, isLast: true);
                return;
            }

            task.Return(buffer);
        }

        SendStatus(task);
    }

    /// <summary>
    /// Sends a run of data in PDUs of at most what the initiator takes; takes over the buffer.
    /// </summary>
    public void SendData(IscsiTask task, IoBuffer buffer, int lengthBytes, bool isLast)
    {
        Span<byte> header = stackalloc byte[PduHeader.LengthBytes];
        int largest = Math.Min(session.Parameters.InitiatorMaxDataBytes, LargestDataInBytes);
        int burst = session.Parameters.MaxBurstBytes;
        session.Counters.ReadBytes += lengthBytes;
        for (int done = 0; done < lengthBytes;)
        {
            int part = Math.Min(largest, lengthBytes - done);
            part = Math.Min(part, burst - task.SentBytes % burst);
            bool ends = isLast && done + part == lengthBytes;
            bool closes = ends || (task.SentBytes + part) % burst == 0;
            PduWriter.Start(header, IscsiOpcode.DataIn, closes ? Final : (byte)0, task.InitiatorTaskTag);
            PduWriter.SetTransferTag(header, PduHeader.NoTag);
            PduWriter.SetDataSn(header, task.NextDataInSn++);
            PduWriter.SetBufferOffset(header, (uint)task.SentBytes);
            uint statSn = 0;
            if (ends)
            {
                statSn = session.TakeStatSn();
                header[1] |= (byte)(StatusBit | SetResidual(header, task, done + part));
                header[3] = (byte)task.Status;
            }

            PduWriter.SetSequence(header, statSn, session.Window.ExpCmdSn, session.Window.MaxCmdSn);
            task.SentBytes += part;
            bool lastOfBuffer = done + part == lengthBytes;
            IoSlice slice = new(buffer.Address + done, part);
            session.Sender.Send(header, slice, lastOfBuffer ? buffer : null);
            done += part;
        }
    }

    public void SendTransferRequest(IscsiTask task, uint transferTag, int offsetBytes, int lengthBytes)
    {
        Span<byte> header = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(header, IscsiOpcode.ReadyToTransfer, Final, task.InitiatorTaskTag);
        PduWriter.SetLun(header, task.Lun);
        PduWriter.SetTransferTag(header, transferTag);
        PduWriter.SetSequence(header, session.StatSn, session.Window.ExpCmdSn, session.Window.MaxCmdSn);
        PduWriter.SetDataSn(header, task.NextTransferRequestSn++);
        PduWriter.SetBufferOffset(header, (uint)offsetBytes);
        PduWriter.SetCount(header, (uint)lengthBytes);
        session.Sender.Send(header);
    }

    private void SendStatus(IscsiTask task)
    {
        Span<byte> header = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(header, IscsiOpcode.ScsiResponse, Final, task.InitiatorTaskTag);
        header[3] = (byte)task.Status;
        header[1] |= SetResidual(header, task, 0);
        PduWriter.SetSequence(header, session.TakeStatSn(), session.Window.ExpCmdSn, session.Window.MaxCmdSn);
        PduWriter.SetDataSn(header, task.IsRead ? task.NextDataInSn : task.NextTransferRequestSn);
        if (task.Status != ScsiStatus.CheckCondition)
        {
            session.Sender.Send(header);
            return;
        }

        Span<byte> sense = stackalloc byte[2 + Sense.MaximumBytes];
        bool descriptors = task.Unit is not null && task.Unit.Modes.DescriptorSense;
        int senseBytes = task.Sense.Write(sense[2..], descriptors);
        BinaryPrimitives.WriteUInt16BigEndian(sense, (ushort)senseBytes);
        session.Sender.Send(header, sense[..(2 + senseBytes)]);
    }

    /// <summary>
    /// Residual count and its flag: what the initiator expected against what the command transfers.
    /// </summary>
    private static byte SetResidual(Span<byte> header, IscsiTask task, int beingSentBytes)
    {
        long expected = task.IsRead ? task.ExpectedInBytes : task.ExpectedOutBytes;
        bool good = task.Status is ScsiStatus.Good or ScsiStatus.ConditionMet;
        long moved = good ? task.WantedBytes : task.IsRead ? task.SentBytes + beingSentBytes : 0;
        if (moved == expected) return 0;
        PduWriter.SetCount(header, (uint)Math.Min(Math.Abs(moved - expected), uint.MaxValue));
        return moved > expected ? Overflow : Underflow;
    }
}
