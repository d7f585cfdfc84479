namespace Cstor.Target.Iscsi;

/// <summary>What a session has done so far.</summary>
internal sealed class SessionCounters
{
    public long Commands { get; set; }

    public long ReadBytes { get; set; }

    public long WrittenBytes { get; set; }

    public long Rejects { get; set; }

    public long DigestErrors { get; set; }
}
