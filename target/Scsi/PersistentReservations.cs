using System.Globalization;
using System.Text;

namespace Cstor.Target.Scsi;

/// <summary>
/// Persistent reservations of one unit, SPC-4 §5.13: who is registered under which key, who holds the
/// reservation, and the rules by which the service actions change that. Registrations belong to initiator
/// ports, not to sessions, so they outlive logout and reset. With APTPL they are kept with the volume, in the
/// pool, and outlive the server and a move of the pool; the generation does not (§5.13.1).
/// </summary>
internal sealed class PersistentReservations(LogicalUnit unit)
{
    private const int MaximumRegistrants = 1024;

    private readonly List<Registrant> _registrants = [];
    private Registrant? _holder;

    /// <summary>PRGENERATION.</summary>
    public uint Generation { get; private set; }

    public ReservationType Type { get; private set; }

    public IReadOnlyList<Registrant> Registrants => _registrants;

    public bool HasAny => _registrants.Count > 0;

    /// <summary>The last registration asked for it: APTPL.</summary>
    public bool IsKept { get; set; }

    /// <summary>True for the holder, or any registrant where the reservation is theirs too.</summary>
    public bool Shares(Nexus nexus) =>
        Type != ReservationType.None && Find(nexus.PortName) is { } own && (IsShared || Holds(own));

    public bool IsRegistered(string portName) => Find(portName) is not null;

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
    public bool Conflicts(Nexus nexus, CommandDescriptor command)
    {
        if (Type == ReservationType.None) return false;
        Registrant? own = Find(nexus.PortName);
        if (own is not null && (IsShared || ReferenceEquals(own, _holder))) return false;
        if (command.Is(CommandFlags.Writes) || command.Is(CommandFlags.Changes)) return true;
        return command.Is(CommandFlags.Reads) && IsExclusiveAccess;
    }

    /// <summary>REGISTER, and REGISTER AND IGNORE EXISTING KEY.</summary>
    public ReservationResult Register(Nexus nexus, ulong key, ulong newKey, bool ignoresKey)
    {
        Registrant? own = Find(nexus.PortName);
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
            _registrants.Add(new Registrant(nexus.PortName) { Key = newKey });
        }

        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    public bool HasRoomFor(int more) => _registrants.Count + more <= MaximumRegistrants;

    /// <summary>REGISTER with SPEC_I_PT: further ports, for which there is room, under the new key.</summary>
    public void RegisterOthers(IReadOnlyList<string> portNames, ulong newKey)
    {
        foreach (string portName in portNames)
            if (Find(portName) is null) _registrants.Add(new Registrant(portName) { Key = newKey });
    }

    /// <summary>REGISTER AND MOVE: the reservation goes to another port, SPC-4 §5.13.8.</summary>
    public ReservationResult Move(
        Nexus nexus, ulong key, ulong newKey, string portName, bool unregisters)
    {
        if (Find(nexus.PortName) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (Type == ReservationType.None || IsAllRegistrants || !ReferenceEquals(own, _holder))
            return ReservationResult.Conflict;
        if (newKey == 0) return ReservationResult.InvalidParameter;
        Registrant? other = Find(portName);
        if (other is null)
        {
            if (!HasRoomFor(1)) return ReservationResult.NoResources;
            _registrants.Add(other = new Registrant(portName));
        }

        other.Key = newKey;
        _holder = other;
        if (unregisters) _registrants.Remove(own);
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    public ReservationResult Reserve(Nexus nexus, ulong key, ReservationType type)
    {
        if (Find(nexus.PortName) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (Type != ReservationType.None)
            return Holds(own) && Type == type ? ReservationResult.Good : ReservationResult.Conflict;
        Type = type;
        _holder = own;
        return ReservationResult.Good;
    }

    public ReservationResult Release(Nexus nexus, ulong key, ReservationType type)
    {
        if (Find(nexus.PortName) is not { } own || own.Key != key) return ReservationResult.Conflict;
        if (!Holds(own)) return ReservationResult.Good;
        if (Type != type) return ReservationResult.InvalidRelease;
        EndReservation(nexus.PortName);
        return ReservationResult.Good;
    }

    public ReservationResult Clear(Nexus nexus, ulong key)
    {
        if (Find(nexus.PortName) is not { } own || own.Key != key) return ReservationResult.Conflict;
        foreach (Registrant registrant in _registrants)
            if (!ReferenceEquals(registrant, own)) Attend(registrant, Sense.ReservationsPreempted);
        _registrants.Clear();
        _holder = null;
        Type = ReservationType.None;
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    /// <summary>PREEMPT; names the ports that lost their registration, for PREEMPT AND ABORT.</summary>
    public ReservationResult Preempt(
        Nexus nexus, ulong key, ulong victimKey, ReservationType type, List<string> removed)
    {
        if (Find(nexus.PortName) is not { } own || own.Key != key) return ReservationResult.Conflict;
        bool takesOver = Type != ReservationType.None &&
            (IsAllRegistrants ? victimKey == 0 : _holder!.Key == victimKey);
        if (!takesOver && victimKey == 0) return ReservationResult.InvalidParameter;
        bool everybody = takesOver && IsAllRegistrants;
        List<Registrant> victims = _registrants.FindAll(r => everybody || r.Key == victimKey);
        if (victims.Count == 0) return ReservationResult.Conflict;
        foreach (Registrant victim in victims)
        {
            if (ReferenceEquals(victim, own)) continue;
            removed.Add(victim.PortName);
            _registrants.Remove(victim);
            Attend(victim, Sense.RegistrationsPreempted);
        }

        if (takesOver) TakeOver(own, type);
        else if (!ReferenceEquals(_holder, own) && victims.Contains(own)) Unregister(own, nexus);
        Generation = unchecked(Generation + 1);
        return ReservationResult.Good;
    }

    /// <summary>What is to be kept with the volume: all as one line, or nothing.</summary>
    public string ToText() => IsKept && HasAny ? Compose() : "";

    /// <summary>Length of that, were it to be kept.</summary>
    public int TextBytes => Encoding.UTF8.GetByteCount(Compose());

    // Type, holder, and a key and port for each registrant.
    private string Compose()
    {
        StringBuilder text = new();
        int holder = _holder is null ? -1 : _registrants.IndexOf(_holder);
        text.Append(CultureInfo.InvariantCulture, $"{(int)Type} {holder}");
        foreach (Registrant registrant in _registrants)
            text.Append(CultureInfo.InvariantCulture, $" {registrant.Key:x}@{registrant.PortName}");
        return text.ToString();
    }

    /// <summary>Takes over what <see cref="ToText"/> wrote; false, and nothing, if it is no such text.
    /// </summary>
    public bool TryRestore(string text)
    {
        string[] words = text.Split(' ');
        if (words.Length < 3 || !TryNumber(words[0], out int type) || !TryNumber(words[1], out int holder))
            return false;
        bool known = Enum.IsDefined((ReservationType)type) && holder < words.Length - 2;
        List<Registrant> read = [];
        foreach (string word in words.AsSpan(2))
        {
            int at = word.IndexOf('@', StringComparison.Ordinal);
            if (at < 1 || !ulong.TryParse(
                word.AsSpan(0, at), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong key))
                return false;
            read.Add(new Registrant(word[(at + 1)..]) { Key = key });
        }

        if (!known) return false;
        _registrants.AddRange(read);
        Type = (ReservationType)type;
        _holder = holder >= 0 && Type != ReservationType.None ? read[holder] : null;
        IsKept = true;
        return true;
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private void TakeOver(Registrant own, ReservationType type)
    {
        bool changes = Type != type;
        Type = type;
        _holder = own;
        if (!changes) return;
        foreach (Registrant registrant in _registrants)
            if (!ReferenceEquals(registrant, own)) Attend(registrant, Sense.ReservationsReleased);
    }

    private void Unregister(Registrant own, Nexus nexus)
    {
        _registrants.Remove(own);
        bool ends = IsAllRegistrants ? _registrants.Count == 0 : ReferenceEquals(_holder, own);
        if (Type != ReservationType.None && ends) EndReservation(nexus.PortName);
    }

    /// <summary>Those who shared it are told, but not the one who ended it.</summary>
    private void EndReservation(string causePort)
    {
        bool tells = IsShared;
        Type = ReservationType.None;
        _holder = null;
        if (!tells) return;
        foreach (Registrant registrant in _registrants)
            if (registrant.PortName != causePort) Attend(registrant, Sense.ReservationsReleased);
    }

    private void Attend(Registrant registrant, Sense attention)
    {
        foreach (Nexus nexus in unit.Nexuses)
            if (nexus.PortName == registrant.PortName) nexus.Attend(attention);
    }

    private Registrant? Find(string portName)
    {
        foreach (Registrant registrant in _registrants)
            if (registrant.PortName == portName) return registrant;
        return null;
    }
}
