namespace Cstor.Target.Iscsi;

/// <summary>
/// What login asks of the server: may this initiator use that target, and how must it prove itself.
/// </summary>
internal interface ILoginDirectory
{
    TargetOptions Options { get; }

    /// <summary>Looks up a target on behalf of an initiator; the names are in lower case.</summary>
    LoginStatus Find(string targetName, string initiatorName, out TargetNode? target);

    void FillRandom(Span<byte> destination);
}
