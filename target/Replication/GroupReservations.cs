using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Replication;

/// <summary>
/// What initiators have reserved, as this member of the group knows it: the newest text that a leader has
/// issued. A leader's are numbered within its epoch, and each request that is handed on to it names the
/// number by which it was checked: what was checked against another text than the newest has no effect.
/// </summary>
/// <remarks>
/// The text is known as soon as its entry comes, and durable before that is acknowledged. So what has been
/// acknowledged is known to every replica that counts, and whoever leads next goes on with it; each replica
/// is sent it again as soon as it is sent entries. Until then it has no number of this epoch, and hands
/// nothing on.
/// </remarks>
internal sealed class GroupReservations(GroupMember member) : ISharedReservations
{
    private ulong _epoch;
    private int _version;

    public string Text { get; private set; } = member.Replica?.Volume.Reservations ?? "";

    public Action<string> Changed { get; set; } = static _ => { };

    /// <summary>Bytes of UTF-8 that there is room for here.</summary>
    public int MaximumBytes => member.Replica!.Volume.ReservationsMaximumBytes;

    /// <summary>Number of the text within an epoch; 0 if it is not of that one.</summary>
    public int VersionIn(ulong epoch) => epoch == _epoch ? _version : 0;

    /// <summary>An entry of the epoch says so; false if a newer one has come.</summary>
    public bool TrySet(ulong epoch, int version, string text)
    {
        if (epoch < _epoch || (epoch == _epoch && version < _version)) return false;
        _epoch = epoch;
        _version = version;
        if (Text != text) Text = text;
        return true;
    }

    /// <summary>What was set last was never issued: the number and the text before are right again.</summary>
    public void TakeBack(string text)
    {
        _version--;
        Text = text;
    }

    /// <summary>Takes what a leader has issued, and tells whoever serves initiators.</summary>
    public void Take(in Frame frame, ReadOnlySpan<byte> payload)
    {
        string[] lines = Encoding.UTF8.GetString(payload).Split('\n', 2);
        if (frame.Offset is <= 0 or > int.MaxValue || lines.Length < 2) return;
        if (TrySet(frame.Epoch, (int)frame.Offset, lines[0])) Changed(lines[1]);
    }

    /// <summary>Payload of an entry.</summary>
    public static byte[] PayloadOf(string text, string notices) =>
        Encoding.UTF8.GetBytes($"{text}\n{notices}");

    /// <summary>Makes it durable.</summary>
    public ValueTask<IoStatus> KeepAsync()
    {
        Volume volume = member.Replica!.Volume;
        return volume.Reservations == Text
            ? new ValueTask<IoStatus>(IoStatus.Ok)
            : volume.SaveReservationsAsync(Text);
    }

    public async ValueTask<IoStatus> ConfirmAsync()
    {
        long begun = member.Loop.NowNanoseconds;
        IoStatus status;
        do
            status = member.Leader is { IsServing: true } leader
                ? await leader.Reservations.ConfirmAsync()
                : await member.Relay.ConfirmReservationsAsync();
        while (status is IoStatus.NotLeader or IoStatus.Aborted && await member.MayRepeatAsync(begun));
        return status == IoStatus.Aborted ? IoStatus.NotLeader : status;
    }

    public async ValueTask<CompareResult> ChangeAsync(string before, string after, string notices)
    {
        if (Encoding.UTF8.GetByteCount(after) > MaximumBytes) return new CompareResult(IoStatus.NoSpace);
        long begun = member.Loop.NowNanoseconds;
        CompareResult result;
        do
            result = member.Leader is { IsServing: true } leader
                ? await leader.Reservations.ChangeAsync(before, after, notices)
                : await member.Relay.ChangeReservationsAsync(before, after, notices);
        while (result.Status == IoStatus.Aborted && await member.MayRepeatAsync(begun));
        return Pieces.Told(result);
    }
}
