namespace Cstor.Target;

/// <summary>
/// Sends initiators elsewhere at login (RFC 7143 §11.13.5, status 0101h and 0102h). A login that comes to
/// that address all the same is served, so that portals may point at each other.
/// </summary>
/// <param name="Address">Where to: address or host name, and port; IPv6 in brackets.</param>
/// <param name="IsPermanent">The initiator should remember it: the target has moved for good.</param>
public sealed record Redirection(string Address, bool IsPermanent = false);
