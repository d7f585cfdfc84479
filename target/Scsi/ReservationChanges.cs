using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// PERSISTENT RESERVE OUT, SPC-4 §6.16. A change is carried out by <see cref="ReservationUpdate"/>: when
/// PREEMPT AND ABORT is answered, nothing that those who lost their registration sent reaches the volume any
/// more.
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

        return ReservationUpdate.Run(task, (_, state) => Apply(task, state, action, type));
    }

    private static void Apply(ScsiTask task, PersistentReservations state, int action, ReservationType type)
    {
        ReadOnlySpan<byte> list = task.DataOutSpan;
        NexusName nexus = task.Unit!.Reservations.NameOf(task.Nexus);
        ulong key = BinaryPrimitives.ReadUInt64BigEndian(list);
        ulong actionKey = BinaryPrimitives.ReadUInt64BigEndian(list[8..]);
        switch (action)
        {
            case Register or RegisterAndIgnore:
                Registration(task, state, nexus, action == RegisterAndIgnore);
                break;
            case Reserve:
                Settle(task, state.Reserve(nexus, key, type));
                break;
            case Release:
                Settle(task, state.Release(nexus, key, type));
                break;
            case Clear:
                Settle(task, state.Clear(nexus, key));
                break;
            case RegisterAndMove:
                Move(task, state, nexus);
                break;
            default:
                Settle(task, state.Preempt(nexus, key, actionKey, type, action == PreemptAndAbort));
                break;
        }
    }

    private static void Registration(
        ScsiTask task, PersistentReservations state, NexusName nexus, bool ignoresKey)
    {
        ReadOnlySpan<byte> list = task.DataOutSpan;
        ulong newKey = BinaryPrimitives.ReadUInt64BigEndian(list[8..]);
        byte flags = list[20];
        bool namesOthers = (flags & NamesOthers) != 0;
        if ((flags & ~(Kept | AllTargetPorts | NamesOthers)) != 0 || (namesOthers && ignoresKey))
        {
            task.Fail(Sense.InvalidFieldInParameters(20));
            return;
        }

        List<string> otherPorts = [];
        if (namesOthers && !TryReadOthers(list, otherPorts, out int wrong))
        {
            task.Fail(Sense.InvalidFieldInParameters(wrong));
            return;
        }

        if (namesOthers && state.IsRegistered(nexus))
        {
            task.FailCdb(1, 4);
            return;
        }

        ushort[] through = (flags & AllTargetPorts) != 0 ? task.Unit!.Ports.Ids : [nexus.TargetPort];
        List<NexusName> others =
            [.. otherPorts.SelectMany(_ => through, static (name, port) => new NexusName(name, port))];
        // A key that somebody chose is not for others to change.
        if (others.Exists(state.IsRegistered))
        {
            task.Status = ScsiStatus.ReservationConflict;
            return;
        }

        if (!state.HasRoomFor(through.Length + others.Count))
        {
            task.Fail(Sense.InsufficientRegistrationResources);
            return;
        }

        if (!CheckKept(task, state, (flags & Kept) != 0, through.Length + others.Count)) return;
        ulong key = BinaryPrimitives.ReadUInt64BigEndian(list);
        ReservationResult result = ReservationResult.Good;
        // As if each had come through its port. Only a copy has several, which is left where one fails.
        foreach (ushort port in through)
            if (result == ReservationResult.Good)
                result = state.Register(nexus with { TargetPort = port }, key, newKey, ignoresKey);
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

    private static void Move(ScsiTask task, PersistentReservations state, NexusName nexus)
    {
        ReadOnlySpan<byte> list = task.DataOutSpan;
        byte flags = list[17];
        ushort targetPort = BinaryPrimitives.ReadUInt16BigEndian(list[18..]);
        if (list.Length == ListBytes
            || BinaryPrimitives.ReadUInt32BigEndian(list[20..]) != list.Length - ListBytes)
        {
            task.Fail(Sense.ParameterListLengthError);
            return;
        }

        if ((flags & ~0x03) != 0 || !task.Unit!.Ports.Ids.Contains(targetPort))
        {
            task.Fail(Sense.InvalidFieldInParameters((flags & ~0x03) != 0 ? 17 : 18));
            return;
        }

        if (!TransportId.TryRead(list[ListBytes..], out string portName, out int idBytes)
            || idBytes != list.Length - ListBytes || new NexusName(portName, targetPort) == nexus)
        {
            task.Fail(Sense.InvalidFieldInParameters(ListBytes));
            return;
        }

        if (!CheckKept(task, state, (flags & Kept) != 0, 1)) return;
        ReservationResult result = state.Move(
            nexus, BinaryPrimitives.ReadUInt64BigEndian(list),
            BinaryPrimitives.ReadUInt64BigEndian(list[8..]), new NexusName(portName, targetPort),
            (flags & 0x02) != 0);
        if (result == ReservationResult.Good) state.IsKept = (flags & Kept) != 0;
        Settle(task, result);
    }

    /// <summary>Asked to be kept: is there room for so many more?</summary>
    private static bool CheckKept(ScsiTask task, PersistentReservations state, bool isKept, int more)
    {
        if (!isKept) return true;
        int most = task.Unit!.Volume.ReservationsMaximumBytes;
        int needed = ReservationText.BytesOf(state) + more * KeptBytes;
        if (needed <= most) return true;
        task.Fail(most == 0
            ? Sense.InvalidFieldInParameters(20, 0) : Sense.InsufficientRegistrationResources);
        return false;
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
