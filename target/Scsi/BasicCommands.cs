using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// TEST UNIT READY, REQUEST SENSE, REPORT LUNS, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL.
/// </summary>
internal static class BasicCommands
{
    public static ValueTask TestUnitReady(ScsiTask task)
    {
        task.Good();
        return default;
    }

    /// <summary>
    /// Autosense has told everything already, so what is left is a pending unit attention, SPC-4 §6.39.
    /// </summary>
    public static ValueTask RequestSense(ScsiTask task)
    {
        if ((task.Cdb[1] & ~1) != 0)
        {
            task.FailCdb(1);
            return default;
        }

        Sense sense = task.Unit is null ? Sense.UnitNotSupported
            : task.Nexus.HasAttention ? task.Nexus.TakeAttention() : Sense.None;
        if (task.TryAnswer(Sense.MaximumBytes, out Span<byte> data))
            task.EndAnswer(sense.Write(data, (task.Cdb[1] & 1) != 0), task.Cdb[4]);
        return default;
    }

    /// <summary>
    /// SPC-4 §6.33: LUN 0 is all there is; SELECT REPORT 1 asks for well-known units, of which there are
    /// none.
    /// </summary>
    public static ValueTask ReportLuns(ScsiTask task)
    {
        byte select = task.Cdb[2];
        uint allocation = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6));
        if (select > 2)
        {
            task.FailCdb(2);
            return default;
        }

        if (allocation < 16)
        {
            task.FailCdb(6);
            return default;
        }

        if (!task.TryAnswer(16, out Span<byte> data)) return default;
        int listBytes = select == 1 ? 0 : 8;
        BinaryPrimitives.WriteInt32BigEndian(data, listBytes);
        task.Nexus.Forget(Sense.ReportedLunsChanged);
        task.EndAnswer(8 + listBytes, allocation);
        return default;
    }

    /// <summary>
    /// SBC-3 §5.25. The medium cannot be removed, so LOEJ is refused. Power conditions are accepted and
    /// change nothing; stopping flushes, whatever NO_FLUSH says, and the unit goes on serving.
    /// </summary>
    public static ValueTask StartStopUnit(ScsiTask task)
    {
        byte flags = task.Cdb[4];
        bool start = (flags & 1) != 0;
        if ((flags & 2) != 0)
        {
            task.FailCdb(4, 1);
            return default;
        }

        if (flags >> 4 != 0 || start || task.Unit!.IsWriteProtected)
        {
            task.Good();
            return default;
        }

        return task.EndWith(task.Unit.Volume.FlushAsync());
    }

    /// <summary>Accepted, for some initiators send it to every disk; there is nothing to prevent.</summary>
    public static ValueTask PreventAllow(ScsiTask task)
    {
        task.Good();
        return default;
    }
}
