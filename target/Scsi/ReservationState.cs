using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// Who may use the unit, checked before every command: the holder of an SPC-2 reservation (RESERVE), or what
/// the persistent reservation allows. The two kinds exclude each other (SPC-4 §5.13.3). Where other nodes
/// serve the volume too, this is what the node knows of reservations that are the volume's.
/// </summary>
internal sealed class ReservationState(LogicalUnit unit)
{
    private const int ReleaseAttempts = 60;

    private readonly List<NexusName> _releasing = [];

    public PersistentReservations Persistent { get; private set; } = new();

    private ISharedReservations? Shared => unit.Volume.SharedReservations;

    /// <summary>The nexus by the name that reservations know it by.</summary>
    public NexusName NameOf(Nexus nexus) => new(nexus.PortName, unit.Ports.Id);

    /// <summary>
    /// What the nexus had reserved by RESERVE before it was lost is still being released, and would be
    /// although it is reserved anew.
    /// </summary>
    public bool IsReleasing(NexusName nexus) => _releasing.Contains(nexus);

    /// <summary>Takes over what the volume says; false, and all as before, if that is no such text.</summary>
    public bool TryLoad(string text)
    {
        if (ReservationText.Parse(text) is not { } read) return false;
        Persistent = read;
        return true;
    }

    /// <summary>Another node, or this one, has changed what is the volume's.</summary>
    public void OnChanged(string notices)
    {
        if (!TryLoad(Shared!.Text)) return;
        Forward(Tell(ReservationNotice.Parse(notices)));
        // One of an earlier life of this node was lost with it.
        if (Persistent.Reserver is { } reserver && reserver.TargetPort == unit.Ports.Id
            && !unit.Nexuses.Any(nexus => NameOf(nexus) == reserver))
            Forward(ReleaseAsync(reserver));
    }

    /// <summary>Tells who has a session here of the changes so far.</summary>
    /// <returns>Completes when the tasks that were taken away have ended.</returns>
    public ValueTask TellAll()
    {
        ReservationNotice[] notices = [.. Persistent.Notices];
        Persistent.ForgetNotices();
        return Tell(notices);
    }

    /// <summary>True when the command must end in RESERVATION CONFLICT.</summary>
    public bool Conflicts(Nexus nexus, CommandDescriptor command)
    {
        if (Persistent.Reserver is { } reserver && reserver != NameOf(nexus))
            return !command.Is(CommandFlags.IgnoresReserve);
        return Persistent.Type != ReservationType.None && Persistent.Conflicts(NameOf(nexus), command);
    }

    /// <summary>The nexus is lost, and what it has reserved by RESERVE is not reserved any more.</summary>
    public void NexusLost(Nexus nexus)
    {
        if (Persistent.Reserver is { } reserver && reserver == NameOf(nexus)) Release(reserver);
    }

    public void UnitReset()
    {
        if (Persistent.Reserver is { } reserver) Release(reserver);
    }

    private void Release(NexusName reserver)
    {
        if (Shared is null) Persistent.Reserver = null;
        else Forward(ReleaseAsync(reserver));
    }

    // Nobody waits for it. While there is no leader it goes on for a minute; after that a reset does it.
    private async ValueTask ReleaseAsync(NexusName reserver)
    {
        _releasing.Add(reserver);
        await TryReleaseAsync(reserver);
        _releasing.Remove(reserver);
    }

    private async ValueTask TryReleaseAsync(NexusName reserver)
    {
        for (int i = 0; i < ReleaseAttempts; i++)
        {
            if (await Shared!.ConfirmAsync() != IoStatus.Ok) continue;
            string before = Shared.Text;
            if (ReservationText.Parse(before) is not { } state || state.Reserver != reserver) return;
            state.Reserver = null;
            await Shared.ChangeAsync(before, ReservationText.OfAll(state), "");
        }
    }

    private ValueTask Tell(IReadOnlyList<ReservationNotice> notices)
    {
        foreach (ReservationNotice notice in notices)
            foreach (Nexus nexus in unit.Nexuses)
                if (NameOf(nexus) == notice.To) nexus.Attend(notice.Attention);
        string[] aborted =
        [
            .. notices.Where(notice => notice.Aborts && notice.To.TargetPort == unit.Ports.Id)
                .Select(static notice => notice.To.InitiatorPort),
        ];
        return aborted.Length == 0 ? default : unit.AbortTasksOf(aborted);
    }

    private static async void Forward(ValueTask work) => await work;
}
