namespace Cstor.Target.Iscsi;

/// <summary>Where a command's CmdSN stands; see <see cref="CommandWindow.Classify"/>.</summary>
internal enum CommandPlace
{
    Next,
    Ahead,
    Outside,
}

/// <summary>
/// The window of commands that the initiator may send, RFC 7143 §4.2.2.1: from ExpCmdSN to MaxCmdSN in
/// serial arithmetic. MaxCmdSN never goes back; it grows as commands end, more slowly while memory is
/// short.
/// </summary>
internal sealed class CommandWindow(int size)
{
    private const int ShortSize = 8;

    public uint ExpCmdSn { get; private set; }

    public uint MaxCmdSn { get; private set; }

    public void Start(uint firstCmdSn)
    {
        ExpCmdSn = firstCmdSn;
        MaxCmdSn = unchecked(firstCmdSn + (uint)size - 1);
    }

    public CommandPlace Classify(uint cmdSn)
    {
        int ahead = unchecked((int)(cmdSn - ExpCmdSn));
        if (ahead == 0 && unchecked((int)(MaxCmdSn - ExpCmdSn)) >= 0) return CommandPlace.Next;
        return ahead > 0 && unchecked((int)(MaxCmdSn - cmdSn)) >= 0 ? CommandPlace.Ahead
            : CommandPlace.Outside;
    }

    public void Advance() => ExpCmdSn = unchecked(ExpCmdSn + 1);

    /// <summary>Opens the window for as many commands as there is room beside those under way.</summary>
    public void Open(int underWay, bool isShort)
    {
        int room = Math.Max(0, (isShort ? Math.Min(ShortSize, size) : size) - underWay);
        uint max = unchecked(ExpCmdSn + (uint)room - 1);
        if (unchecked((int)(max - MaxCmdSn)) > 0) MaxCmdSn = max;
    }
}
