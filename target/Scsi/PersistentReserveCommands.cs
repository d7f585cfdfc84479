using System.Buffers.Binary;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// PERSISTENT RESERVE IN (SPC-4 §6.15) and OUT (§6.16). Offered: all types, all service actions but REGISTER
/// AND MOVE; not offered: SPEC_I_PT, ALL_TG_PT, APTPL.
/// </summary>
internal static class PersistentReserveCommands
{
    private const int ParameterBytes = 24;
    private const int FullStatusBytes = 24;
    private const int MaximumPortNameBytes = 260;

    /// <summary>TYPE MASK VALID, and the mask of all six types in its two bytes.</summary>
    private const ushort AllTypes = 0xea01;

    public static long DataOutBytes(ScsiTask task) =>
        Math.Min(BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(5)), Limits.MaximumParameterBytes);

    public static ValueTask ReadKeys(ScsiTask task)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        int total = 8 + 8 * state.Registrants.Count;
        if (!task.TryAnswer(total, out Span<byte> data)) return default;
        BinaryPrimitives.WriteUInt32BigEndian(data, state.Generation);
        BinaryPrimitives.WriteInt32BigEndian(data[4..], total - 8);
        for (int i = 0; i < state.Registrants.Count; i++)
            BinaryPrimitives.WriteUInt64BigEndian(data[(8 + 8 * i)..], state.Registrants[i].Key);
        task.EndAnswer(total, AllocationBytes(task));
        return default;
    }

    public static ValueTask ReadReservation(ScsiTask task)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        bool held = state.Type != ReservationType.None;
        if (!task.TryAnswer(24, out Span<byte> data)) return default;
        BinaryPrimitives.WriteUInt32BigEndian(data, state.Generation);
        if (held)
        {
            BinaryPrimitives.WriteInt32BigEndian(data[4..], 16);
            BinaryPrimitives.WriteUInt64BigEndian(data[8..], state.HolderKey);
            data[21] = (byte)state.Type;
        }

        task.EndAnswer(held ? 24 : 8, AllocationBytes(task));
        return default;
    }

    public static ValueTask ReportCapabilities(ScsiTask task)
    {
        if (!task.TryAnswer(8, out Span<byte> data)) return default;
        data[1] = 8;
        data[3] = 0x80;
        BinaryPrimitives.WriteUInt16BigEndian(data[4..], AllTypes);
        task.EndAnswer(8, AllocationBytes(task));
        return default;
    }

    public static ValueTask ReadFullStatus(ScsiTask task)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        int capacity = 8 + state.Registrants.Count * (FullStatusBytes + MaximumPortNameBytes);
        if (!task.TryAnswer(capacity, out Span<byte> data)) return default;
        int end = 8;
        foreach (Registrant registrant in state.Registrants)
            end += WriteStatus(state, registrant, data[end..]);
        BinaryPrimitives.WriteUInt32BigEndian(data, state.Generation);
        BinaryPrimitives.WriteInt32BigEndian(data[4..], end - 8);
        task.EndAnswer(end, AllocationBytes(task));
        return default;
    }

    public static ValueTask Out(ScsiTask task)
    {
        int action = task.Cdb[1] & 0x1f;
        var type = (ReservationType)(task.Cdb[2] & 0x0f);
        bool usesType = action is 1 or 2 or 4 or 5;
        task.WantedBytes = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(5));
        ReadOnlySpan<byte> list = task.DataOutSpan;
        if (task.WantedBytes != ParameterBytes || list.Length < ParameterBytes)
        {
            task.Fail(Sense.ParameterListLengthError);
            return default;
        }

        if (usesType && (task.Cdb[2] >> 4 != 0 || type == ReservationType.None || !Enum.IsDefined(type)))
        {
            task.FailCdb(2);
            return default;
        }

        if ((list[20] & 0x0d) != 0)
        {
            task.Fail(Sense.InvalidFieldInParameters(20));
            return default;
        }

        ulong key = BinaryPrimitives.ReadUInt64BigEndian(list);
        ulong actionKey = BinaryPrimitives.ReadUInt64BigEndian(list[8..]);
        Settle(task, Apply(task, action, type, key, actionKey));
        return default;
    }

    private static ReservationResult Apply(
        ScsiTask task, int action, ReservationType type, ulong key, ulong actionKey)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        switch (action)
        {
            case 0 or 6:
                return state.Register(task.Nexus, key, actionKey, ignoresKey: action == 6);
            case 1:
                return state.Reserve(task.Nexus, key, type);
            case 2:
                return state.Release(task.Nexus, key, type);
            case 3:
                return state.Clear(task.Nexus, key);
            default:
                var removed = new List<string>();
                ReservationResult result = state.Preempt(task.Nexus, key, actionKey, type, removed);
                if (action == 5)
                    foreach (string portName in removed) task.Unit.AbortTasksOf?.Invoke(portName);
                return result;
        }
    }

    private static void Settle(ScsiTask task, ReservationResult result)
    {
        switch (result)
        {
            case ReservationResult.Good:
                task.Good();
                break;
            case ReservationResult.Conflict:
                task.Status = ScsiStatus.ReservationConflict;
                break;
            case ReservationResult.InvalidRelease:
                task.Fail(Sense.InvalidReleaseOfReservation);
                break;
            case ReservationResult.NoResources:
                task.Fail(Sense.InsufficientRegistrationResources);
                break;
            default:
                task.Fail(Sense.InvalidFieldInParameters(8));
                break;
        }
    }

    /// <summary>
    /// One full status descriptor with the iSCSI TransportID of an initiator port, SPC-4 §7.6.4.6.
    /// </summary>
    private static int WriteStatus(PersistentReservations state, Registrant registrant, Span<byte> data)
    {
        BinaryPrimitives.WriteUInt64BigEndian(data, registrant.Key);
        if (state.Holds(registrant))
        {
            data[12] = 1;
            data[13] = (byte)state.Type;
        }

        BinaryPrimitives.WriteUInt16BigEndian(data[18..], 1);
        Span<byte> transport = data[FullStatusBytes..];
        int nameBytes = Encoding.UTF8.GetBytes(registrant.PortName,
            transport.Slice(4, MaximumPortNameBytes - 8));
        int paddedBytes = Math.Max(20, (nameBytes + 4) / 4 * 4);
        transport[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(transport[2..], (ushort)paddedBytes);
        BinaryPrimitives.WriteInt32BigEndian(data[20..], 4 + paddedBytes);
        return FullStatusBytes + 4 + paddedBytes;
    }

    private static int AllocationBytes(ScsiTask task) =>
        BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7));
}
