using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// EXTENDED COPY(LID1) and RECEIVE COPY RESULTS, SPC-4 §6.4 and §6.24: copies between the volumes of this
/// server without the data passing the initiator. Holes are not copied but made. A copy is a sequence of
/// reads and writes like any other initiator's, in the order of its segments; COMPARE AND WRITE is not atomic
/// against it.
/// </summary>
internal static class CopyCommands
{
    private const int PartBytes = 256 * 1024;
    private const int ParametersBytes = 44;
    private const int StatusBytes = 12;

    private static readonly byte[] Descriptors = [CopyRequest.BlockToBlock, CopyRequest.IdentificationTarget];

    public static long DataOutBytes(ScsiTask task) =>
        Math.Min(BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(10)), Limits.MaximumParameterBytes);

    public static ValueTask Copy(ScsiTask task)
    {
        task.WantedBytes = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(10));
        if (task.WantedBytes == 0)
        {
            task.Good();
            return default;
        }

        if (task.DataOutBytes < task.WantedBytes)
        {
            task.Fail(Sense.ParameterListLengthError);
            return default;
        }

        Sense? wrong = CopyRequest.Read(task, out CopyRequest request);
        if (wrong is not null)
        {
            task.Fail(wrong.Value);
            return default;
        }

        CopyResult? result = request.HoldsResult
            ? task.Unit!.Copies.TryBegin(task.Nexus, request.ListId) : new CopyResult();
        if (result is null)
        {
            task.Fail(Sense.OperationInProgress);
            return default;
        }

        return CopyAsync(task, request, result);
    }

    /// <summary>RECEIVE COPY STATUS(LID1). A result that is final is told once.</summary>
    public static ValueTask Status(ScsiTask task)
    {
        CopyResults copies = task.Unit!.Copies;
        byte listId = task.Cdb[2];
        if (copies.Find(task.Nexus, listId) is not { } result)
        {
            task.FailCdb(2);
            return default;
        }

        if (!task.TryAnswer(StatusBytes, out Span<byte> data)) return default;
        BinaryPrimitives.WriteInt32BigEndian(data, StatusBytes - 4);
        data[4] = (byte)(!result.IsDone ? 0 : result.IsFailed ? 2 : 1);
        BinaryPrimitives.WriteUInt16BigEndian(data[5..], (ushort)result.Segments);
        data[7] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(data[8..], (uint)(result.CopiedBytes >> 10));
        if (result.IsDone) copies.Remove(task.Nexus, listId);
        task.EndAnswer(StatusBytes, AllocationBytes(task));
        return default;
    }

    /// <summary>RECEIVE COPY OPERATING PARAMETERS.</summary>
    public static ValueTask OperatingParameters(ScsiTask task)
    {
        int total = ParametersBytes + Descriptors.Length;
        if (!task.TryAnswer(total, out Span<byte> data)) return default;
        BinaryPrimitives.WriteInt32BigEndian(data, total - 4);
        data[4] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(data[8..], CopyRequest.MaximumTargets);
        BinaryPrimitives.WriteUInt16BigEndian(data[10..], CopyRequest.MaximumSegments);
        BinaryPrimitives.WriteUInt32BigEndian(data[12..], CopyRequest.MaximumListBytes);
        BinaryPrimitives.WriteUInt32BigEndian(data[16..], CopyRequest.MaximumSegmentBytes);
        BinaryPrimitives.WriteUInt16BigEndian(data[34..], byte.MaxValue);
        data[36] = byte.MaxValue;
        data[37] = 9;
        data[43] = (byte)Descriptors.Length;
        Descriptors.CopyTo(data[ParametersBytes..]);
        task.EndAnswer(total, AllocationBytes(task));
        return default;
    }

    private static uint AllocationBytes(ScsiTask task) =>
        BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(10));

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask CopyAsync(ScsiTask task, CopyRequest request, CopyResult result)
    {
        task.Good();
        IoBuffer? buffer = await task.RentAsync(PartBytes);
        if (buffer is null) task.Status = ScsiStatus.Busy;
        for (int i = 0; i < request.Segments.Count && buffer is not null && !task.IsAborted; i++)
        {
            CopySegment segment = request.Segments[i];
            if (!Admit(task, segment)) break;
            result.Segments++;
            buffer = await CopySegmentAsync(task, segment, buffer, result);
            if (task.Status != ScsiStatus.Good) break;
        }

        if (buffer is not null) task.Return(buffer);
        result.IsFailed = task.Status != ScsiStatus.Good || task.IsAborted;
        result.IsDone = true;
    }

    // What a read of the one unit and a write of the other would have to pass.
    private static bool Admit(ScsiTask task, in CopySegment segment)
    {
        bool conflicts = segment.Source.Reservations.Conflicts(task.Nexus, CommandTable.Read16)
            || segment.Destination.Reservations.Conflicts(task.Nexus, CommandTable.Write16);
        if (conflicts) task.Status = ScsiStatus.ReservationConflict;
        else if (segment.Destination.IsWriteProtected) task.Fail(Sense.WriteProtected);
        else return true;
        return false;
    }

    /// <returns>The buffer held now, or null.</returns>
    private static async ValueTask<IoBuffer?> CopySegmentAsync(
        ScsiTask task, CopySegment segment, IoBuffer buffer, CopyResult result)
    {
        IBlockVolume from = segment.Source.Volume;
        IBlockVolume to = segment.Destination.Volume;
        for (long done = 0; done < segment.LengthBytes && !task.IsAborted;)
        {
            VolumeExtent extent = await from.FindExtentAsync(
                segment.SourceBytes + done, segment.LengthBytes - done);
            IoStatus status = extent.Status;
            long part = extent.IsHole ? extent.LengthBytes : Math.Min(extent.LengthBytes, PartBytes);
            if (status == IoStatus.Ok && extent.IsHole)
                status = await to.UnmapAsync(segment.DestinationBytes + done, part);
            else if (status == IoStatus.Ok)
            {
                IoBuffer? held;
                (status, held) = await VolumeRead.ReadAsync(
                    task, segment.SourceBytes + done, buffer, (int)part, from);
                if (held is null)
                {
                    task.Status = ScsiStatus.Busy;
                    return null;
                }

                buffer = held;
                if (status == IoStatus.Ok)
                    status = await to.WriteAsync(segment.DestinationBytes + done, buffer.First((int)part),
                        !segment.Destination.Modes.WriteCache);
            }

            if (status != IoStatus.Ok)
            {
                if (status == IoStatus.NoSpace) task.Settle(status);
                else task.Fail(Sense.ThirdPartyDeviceFailure);
                break;
            }

            done += part;
            result.CopiedBytes += part;
        }

        return buffer;
    }
}
