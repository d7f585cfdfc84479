using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// PERSISTENT RESERVE OUT, SPC-4 §6.16. A change takes effect at once; it is answered when it is durable, if
/// the registrants asked for that (APTPL), and after PREEMPT AND ABORT when the last task of those who lost
/// their registration has ended: from then on nothing that they sent reaches the volume.
/// </summary>
internal static class ReservationChanges
{
    private const int Register = 0;
    private const int Reserve = 1;
    private const int Release = 2;
    private const int Clear = 3;
    private const int Preempt = 4;
    private const int PreemptAndAbort = 5;
    private const int RegisterAndIgnore = 6;
    private const int RegisterAndMove = 7;

    private const int ListBytes = 24;
    private const byte Kept = 0x01;
    private const byte AllTargetPorts = 0x04;
    private const byte NamesOthers = 0x08;

    /// <summary>Of one more registrant in what is kept: key, separators and a long name.</summary>
    private const int KeptBytes = 280;

    public static long DataOutBytes(ScsiTask task) =>
        Math.Min(BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(5)), Limits.MaximumParameterBytes);

    public static ValueTask Out(ScsiTask task)
    {
        int action = task.Cdb[1] & 0x1f;
        var type = (ReservationType)(task.Cdb[2] & 0x0f);
        bool usesType = action is Reserve or Release or Preempt or PreemptAndAbort;
        task.WantedBytes = BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(5));
        ReadOnlySpan<byte> list = task.DataOutSpan;
        bool isLonger = action == RegisterAndMove
            || (action == Register && list.Length > ListBytes && (list[20] & NamesOthers) != 0);
        if (list.Length < ListBytes || list.Length != task.WantedBytes
            || (list.Length != ListBytes && !isLonger))
        {
            task.Fail(Sense.ParameterListLengthError);
            return default;
        }

        if (usesType && (task.Cdb[2] >> 4 != 0 || type == ReservationType.None || !Enum.IsDefined(type)))
        {
            task.FailCdb(2);
            return default;
        }

        return Apply(task, action, type, list);
    }

    private static ValueTask Apply(ScsiTask task, int action, ReservationType type, ReadOnlySpan<byte> list)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        ulong key = BinaryPrimitives.ReadUInt64BigEndian(list);
        ulong actionKey = BinaryPrimitives.ReadUInt64BigEndian(list[8..]);
        bool wasKept = state.IsKept;
        switch (action)
        {
            case Register or RegisterAndIgnore:
                Registration(task, list, key, actionKey, action == RegisterAndIgnore);
                break;
            case Reserve:
                Settle(task, state.Reserve(task.Nexus, key, type));
                break;
            case Release:
                Settle(task, state.Release(task.Nexus, key, type));
                break;
            case Clear:
                Settle(task, state.Clear(task.Nexus, key));
                break;
            case RegisterAndMove:
                Move(task, list, key, actionKey);
                break;
            default:
                return PreemptThem(task, type, key, actionKey, action == PreemptAndAbort);
        }

        return task.Status == ScsiStatus.Good && (wasKept || state.IsKept) ? KeepAsync(task, null) : default;
    }

    private static void Registration(
        ScsiTask task, ReadOnlySpan<byte> list, ulong key, ulong newKey, bool ignoresKey)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        byte flags = list[20];
        bool namesOthers = (flags & NamesOthers) != 0;
        if ((flags & ~(Kept | AllTargetPorts | NamesOthers)) != 0 || (namesOthers && ignoresKey))
        {
            task.Fail(Sense.InvalidFieldInParameters(20));
            return;
        }

        List<string> others = [];
        if (namesOthers && !TryReadOthers(list, others, out int wrong))
        {
            task.Fail(Sense.InvalidFieldInParameters(wrong));
            return;
        }

        if (namesOthers && state.IsRegistered(task.Nexus.PortName))
        {
            task.FailCdb(1, 4);
            return;
        }

        // A key that somebody chose is not for others to change.
        if (others.Exists(state.IsRegistered))
        {
            task.Status = ScsiStatus.ReservationConflict;
            return;
        }

        if (!state.HasRoomFor(1 + others.Count))
        {
            task.Fail(Sense.InsufficientRegistrationResources);
            return;
        }

        if (!CheckKept(task, (flags & Kept) != 0, 1 + others.Count)) return;
        ReservationResult result = state.Register(task.Nexus, key, newKey, ignoresKey);
        if (result == ReservationResult.Good && newKey != 0) state.RegisterOthers(others, newKey);
        if (result == ReservationResult.Good) state.IsKept = (flags & Kept) != 0;
        Settle(task, result);
    }

    private static bool TryReadOthers(ReadOnlySpan<byte> list, List<string> others, out int wrong)
    {
        wrong = ListBytes;
        if (list.Length < ListBytes + 4) return false;
        uint bytes = BinaryPrimitives.ReadUInt32BigEndian(list[ListBytes..]);
        if (bytes != list.Length - ListBytes - 4) return false;
        for (int at = ListBytes + 4; at < list.Length;)
        {
            wrong = at;
            if (!TransportId.TryRead(list[at..], out string portName, out int idBytes)) return false;
            others.Add(portName);
            at += idBytes;
        }

        return true;
    }

    private static void Move(ScsiTask task, ReadOnlySpan<byte> list, ulong key, ulong newKey)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        byte flags = list[17];
        if (list.Length == ListBytes
            || BinaryPrimitives.ReadUInt32BigEndian(list[20..]) != list.Length - ListBytes)
        {
            task.Fail(Sense.ParameterListLengthError);
            return;
        }

        if ((flags & ~0x03) != 0
            || !task.Unit!.Ports.Has(BinaryPrimitives.ReadUInt16BigEndian(list[18..])))
        {
            task.Fail(Sense.InvalidFieldInParameters((flags & ~0x03) != 0 ? 17 : 18));
            return;
        }

        if (!TransportId.TryRead(list[ListBytes..], out string portName, out int idBytes)
            || idBytes != list.Length - ListBytes || portName == task.Nexus.PortName)
        {
            task.Fail(Sense.InvalidFieldInParameters(ListBytes));
            return;
        }

        if (!CheckKept(task, (flags & Kept) != 0, 1)) return;
        ReservationResult result = state.Move(task.Nexus, key, newKey, portName, (flags & 0x02) != 0);
        if (result == ReservationResult.Good) state.IsKept = (flags & Kept) != 0;
        Settle(task, result);
    }

    /// <summary>Asked to be kept: is there room for so many more?</summary>
    private static bool CheckKept(ScsiTask task, bool isKept, int more)
    {
        if (!isKept) return true;
        LogicalUnit unit = task.Unit!;
        int most = unit.Volume.ReservationsMaximumBytes;
        int needed = unit.Reservations.Persistent.TextBytes + more * KeptBytes;
        if (needed <= most) return true;
        task.Fail(most == 0
            ? Sense.InvalidFieldInParameters(20, 0) : Sense.InsufficientRegistrationResources);
        return false;
    }

    private static ValueTask PreemptThem(
        ScsiTask task, ReservationType type, ulong key, ulong victimKey, bool aborts)
    {
        PersistentReservations state = task.Unit!.Reservations.Persistent;
        List<string> removed = [];
        Settle(task, state.Preempt(task.Nexus, key, victimKey, type, removed));
        return task.Status == ScsiStatus.Good ? KeepAsync(task, aborts ? removed : null) : default;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private static async ValueTask KeepAsync(ScsiTask task, List<string>? aborted)
    {
        LogicalUnit unit = task.Unit!;
        ValueTask ended = aborted is null ? default : unit.AbortTasksOf(aborted);
        string text = unit.Reservations.Persistent.ToText();
        if (text != unit.Volume.Reservations)
            task.Settle(await unit.Volume.SaveReservationsAsync(text));
        await ended;
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
}
