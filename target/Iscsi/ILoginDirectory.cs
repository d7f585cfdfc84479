namespace Cstor.Target.Iscsi;

/// <summary>
/// What login asks of the server: may this initiator use that target, here or elsewhere, and how must it
/// prove itself.
/// </summary>
internal interface ILoginDirectory
{
    TargetOptions Options { get; }

    /// <summary>Looks up a target on behalf of an initiator; the names are in lower case.</summary>
    /// <param name="targetName">iSCSI name of the target.</param>
    /// <param name="initiatorName">iSCSI name of the initiator.</param>
    /// <param name="portal">Address and port at which it reached us, as TargetAddress writes them.</param>
    LoginTarget Find(string targetName, string initiatorName, string portal);

    void FillRandom(Span<byte> destination);
}
