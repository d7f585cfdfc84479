using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// PERSISTENT RESERVE IN, SPC-4 §6.15: keys, reservation, capabilities (all types, APTPL where the volume can
/// keep them, SPEC_I_PT, ALL_TG_PT, compatible reservation handling) and full status.
/// </summary>
internal static class PersistentReserveCommands
{
    private const int FullStatusBytes = 24;

    /// <summary>TYPE MASK VALID, and the mask of all six types in its two bytes.</summary>
    private const ushort AllTypes = 0xea01;

    /// <summary>CRH, SIP_C and ATP_C of REPORT CAPABILITIES.</summary>
    private const byte Capabilities = 0x1c;

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
        LogicalUnit unit = task.Unit!;
        if (!task.TryAnswer(8, out Span<byte> data)) return default;
        data[1] = 8;
        data[2] = (byte)(Capabilities | (unit.Volume.ReservationsMaximumBytes > 0 ? 1 : 0));
        data[3] = (byte)(0x80 | (unit.Reservations.Persistent.IsKept ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(data[4..], AllTypes);
        task.EndAnswer(8, AllocationBytes(task));
        return default;
    }

    public static ValueTask ReadFullStatus(ScsiTask task)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        int capacity = 8 + state.Registrants.Count * (FullStatusBytes + TransportId.MaximumBytes);
        if (!task.TryAnswer(capacity, out Span<byte> data)) return default;
        int end = 8;
        foreach (Registrant registrant in state.Registrants)
            end += WriteStatus(task.Unit!, registrant, data[end..]);
        BinaryPrimitives.WriteUInt32BigEndian(data, state.Generation);
        BinaryPrimitives.WriteInt32BigEndian(data[4..], end - 8);
        task.EndAnswer(end, AllocationBytes(task));
        return default;
    }

    /// <summary>One full status descriptor, with the port's TransportID.</summary>
    private static int WriteStatus(LogicalUnit unit, Registrant registrant, Span<byte> data)
    {
        PersistentReservations state = unit.Reservations.Persistent;
        BinaryPrimitives.WriteUInt64BigEndian(data, registrant.Key);
        if (state.Holds(registrant))
        {
            data[12] = 1;
            data[13] = (byte)state.Type;
        }

        BinaryPrimitives.WriteUInt16BigEndian(data[18..], registrant.Name.TargetPort);
        int idBytes = TransportId.Write(registrant.Name.InitiatorPort, data[FullStatusBytes..]);
        BinaryPrimitives.WriteInt32BigEndian(data[20..], idBytes);
        return FullStatusBytes + idBytes;
    }

    private static int AllocationBytes(ScsiTask task) =>
        BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7));
}
