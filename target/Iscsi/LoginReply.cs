namespace Cstor.Target.Iscsi;

/// <summary>What to answer to a login request.</summary>
/// <param name="Status">Success, or the reason after which the connection is closed.</param>
/// <param name="Flags">Second byte of the response: T, C, CSG, NSG.</param>
/// <param name="Text">Keys in order.</param>
/// <param name="Reason">For the log, when refused.</param>
internal sealed record LoginReply(
    LoginStatus Status, byte Flags, List<KeyValuePair<string, string>> Text, string Reason = "")
{
    public bool IsRedirection => Status is LoginStatus.MovedTemporarily or LoginStatus.MovedPermanently;

    /// <summary>The response moves the connection to the full-feature phase.</summary>
    public bool IsComplete => Status == LoginStatus.Success && (Flags & 0x83) == 0x83;
}
