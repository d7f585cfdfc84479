namespace Cstor.Target.Scsi;

/// <summary>
/// Persistent reservations of one unit, SPC-4 §5.13: who is registered under which key, who holds the
/// reservation, and the rules by which the service actions change that. Registrations belong to I_T nexuses,
/// not to sessions, so they outlive logout and reset. With APTPL they are kept with the volume, in the pool,
/// and outlive the server and a move of the pool; the generation does not (§5.13.1). What is to be told to
/// others is noted, for whoever makes the change.
/// </summary>
internal sealed class PersistentReservations
{
    private const int MaximumRegistrants = 1024;

    private readonly List<Registrant> _registrants = [];
    private readonly List<ReservationNotice> _notices = [];
    private Registrant? _holder;

    public PersistentReservations()
    {
    }

    /// <summary>As they were written down.</summary>
    /// <param name="registrants">With their keys.</param>
    /// <param name="type">Of the reservation.</param>
    /// <param name="holder">Index of who holds it; -1 for none or all.</param>
    public PersistentReservations(IEnumerable<Registrant> registrants, ReservationType type, int holder)
    {
        _registrants.AddRange(registrants);
        Type = type;
        _holder = holder >= 0 && type != ReservationType.None ? _registrants[holder] : null;
    }

    /// <summary>PRGENERATION.</summary>
    public uint Generation { get; set; }

    public ReservationType Type { get; private set; }

    public IReadOnlyList<Registrant> Registrants => _registrants;

    /// <summary>Index of the one that holds the reservation, or -1.</summary>
    public int HolderIndex => _holder is null ? -1 : _registrants.IndexOf(_holder);

    public bool HasAny => _registrants.Count > 0;

    /// <summary>Who is to be told of the changes so far.</summary>
    public IReadOnlyList<ReservationNotice> Notices => _notices;

    /// <summary>The last registration asked for it: APTPL.</summary>
    public bool IsKept { get; set; }

    /// <summary>Who has reserved the unit by RESERVE of SPC-2, or null.</summary>
    public NexusName? Reserver { get; set; }

    /// <summary>True for the holder, or any registrant where the reservation is theirs too.</summary>
    public bool Shares(NexusName nexus) =>
        Type != ReservationType.None && Find(nexus) is { } own && (IsShared || Holds(own));

    public bool IsRegistered(NexusName nexus) => Find(nexus) is not null;

    /// <summary>Everybody has been told.</summary>
    public void ForgetNotices() => _notices.Clear();

    /// <summary>Key that READ RESERVATION shows: 0 where all registrants hold it.</summary>
    public ulong HolderKey => IsAllRegistrants ? 0 : _holder?.Key ?? 0;

    private bool IsAllRegistrants =>
        Type is ReservationType.WriteExclusiveAllRegistrants or ReservationType.ExclusiveAccessAllRegistrants;

    private bool IsShared => IsAllRegistrants || Type is ReservationType.WriteExclusiveRegistrantsOnly
        or ReservationType.ExclusiveAccessRegistrantsOnly;

    private bool IsExclusiveAccess => Type is ReservationType.ExclusiveAccess
        or ReservationType.ExclusiveAccessRegistrantsOnly or ReservationType.ExclusiveAccessAllRegistrants;

    public bool Holds(Registrant registrant) =>
        Type != ReservationType.None && (IsAllRegistrants || ReferenceEquals(registrant, _holder));

    /// <summary>
    /// True when the reservation forbids this nexus the command, SPC-4 table 67 and SBC-3 table 13.
    /// </summary>
    public bool Conflicts(NexusName nexus, CommandDescriptor command)
    {
        if (Type == ReservationType.None) return false;
        Registrant? own = Find(nexus);
        if (own is not null && (IsShared || ReferenceEquals(own, _holder))) return false;
        if (command.Is(CommandFlags.Writes) || command.Is(CommandFlags.Changes)) return true;
        return command.Is(CommandFlags.Reads) && IsExclusiveAccess;
    }

    /// <summary>REGISTER, and REGISTER AND IGNORE EXISTING KEY.</summary>
    public ReservationResult Register(NexusName nexus, ulong key, ulong newKey, bool ignoresKey)
    {
        Registrant? own = Find(nexus);
        if (!ignoresKey && key != (own?.Key ?? 0)) return ReservationResult.Conflict;
        if (newKey == 0)
        {
            if (own is not null) Unregister(own, nexus);
        }
        else if (own is not null)
        {
            own.Key = newKey;
        }
        else
        {
            if (!HasRoomFor(1)) return ReservationResult.NoResources;
            _registrants.Add(new Registrant(nexus) { Key = newKey });
        }

        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    public bool HasRoomFor(int more) => _registrants.Count + more <= MaximumRegistrants;

    /// <summary>REGISTER with SPEC_I_PT: further ones, for which there is room, under the new key.</summary>
    public void RegisterOthers(IReadOnlyList<NexusName> others, ulong newKey)
    {
        foreach (NexusName other in others)
            if (Find(other) is null) _registrants.Add(new Registrant(other) { Key = newKey });
    }

    /// <summary>REGISTER AND MOVE: the reservation goes to another nexus, SPC-4 §5.13.8.</summary>
    public ReservationResult Move(
        NexusName nexus, ulong key, ulong newKey, NexusName to, bool unregisters)
    {
        if (Find(nexus) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (Type == ReservationType.None || IsAllRegistrants || !ReferenceEquals(own, _holder))
            return ReservationResult.Conflict;
        if (newKey == 0) return ReservationResult.InvalidParameter;
        Registrant? other = Find(to);
        if (other is null)
        {
            if (!HasRoomFor(1)) return ReservationResult.NoResources;
            _registrants.Add(other = new Registrant(to));
        }

        other.Key = newKey;
        _holder = other;
        if (unregisters) _registrants.Remove(own);
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    public ReservationResult Reserve(NexusName nexus, ulong key, ReservationType type)
    {
        if (Find(nexus) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (Type != ReservationType.None)
            return Holds(own) && Type == type ? ReservationResult.Good : ReservationResult.Conflict;
        Type = type;
        _holder = own;
        return ReservationResult.Good;
    }

    public ReservationResult Release(NexusName nexus, ulong key, ReservationType type)
    {
        if (Find(nexus) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (!Holds(own)) return ReservationResult.Good;
        if (Type != type) return ReservationResult.InvalidRelease;
        EndReservation(nexus);
        return ReservationResult.Good;
    }

    public ReservationResult Clear(NexusName nexus, ulong key)
    {
        if (Find(nexus) is not { } own || own.Key != key) return ReservationResult.Conflict;
        foreach (Registrant registrant in _registrants)
            if (!ReferenceEquals(registrant, own)) Attend(registrant, Sense.ReservationsPreempted);
        _registrants.Clear();
        _holder = null;
        Type = ReservationType.None;
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    /// <summary>PREEMPT, and PREEMPT AND ABORT.</summary>
    public ReservationResult Preempt(
        NexusName nexus, ulong key, ulong victimKey, ReservationType type, bool aborts)
    {
        if (Find(nexus) is not { } own || own.Key != key) return ReservationResult.Conflict;
        bool takesOver = Type != ReservationType.None &&
            (IsAllRegistrants ? victimKey == 0 : _holder!.Key == victimKey);
        if (!takesOver && victimKey == 0) return ReservationResult.InvalidParameter;
        bool everybody = takesOver && IsAllRegistrants;
        List<Registrant> victims = _registrants.FindAll(r => everybody || r.Key == victimKey);
        if (victims.Count == 0) return ReservationResult.Conflict;
        foreach (Registrant victim in victims)
        {
            if (ReferenceEquals(victim, own)) continue;
            _registrants.Remove(victim);
            Attend(victim, Sense.RegistrationsPreempted, aborts);
        }

        if (takesOver) TakeOver(own, type);
        else if (!ReferenceEquals(_holder, own) && victims.Contains(own)) Unregister(own, nexus);
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    private void TakeOver(Registrant own, ReservationType type)
    {
        bool changes = Type != type;
        Type = type;
        _holder = own;
        if (!changes) return;
        foreach (Registrant registrant in _registrants)
            if (!ReferenceEquals(registrant, own)) Attend(registrant, Sense.ReservationsReleased);
    }

    private void Unregister(Registrant own, NexusName nexus)
    {
        _registrants.Remove(own);
        bool ends = IsAllRegistrants ? _registrants.Count == 0 : ReferenceEquals(_holder, own);
        if (Type != ReservationType.None && ends) EndReservation(nexus);
    }

    /// <summary>Those who shared it are told, but not the one who ended it.</summary>
    private void EndReservation(NexusName cause)
    {
        bool tells = IsShared;
        Type = ReservationType.None;
        _holder = null;
        if (!tells) return;
        foreach (Registrant registrant in _registrants)
            if (registrant.Name != cause) Attend(registrant, Sense.ReservationsReleased);
    }

    private void Attend(Registrant registrant, Sense attention, bool aborts = false) =>
        _notices.Add(new ReservationNotice(registrant.Name, attention.Ascq, aborts));

    private Registrant? Find(NexusName nexus)
    {
        foreach (Registrant registrant in _registrants)
            if (registrant.Name == nexus) return registrant;
        return null;
    }
}
