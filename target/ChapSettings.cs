namespace Cstor.Target;

/// <summary>
/// CHAP (RFC 7143 §12.1): the initiator proves that it knows the secret; with the mutual pair set, the
/// target does too when asked. Secrets are 12 to 64 bytes and never printed.
/// </summary>
/// <param name="UserName">Name the initiator gives.</param>
/// <param name="Secret">Secret the initiator proves.</param>
/// <param name="MutualUserName">Name the target gives back, or null for one-way.</param>
/// <param name="MutualSecret">Secret the target proves; differs from <paramref name="Secret"/>.</param>
public sealed record ChapSettings(
    string UserName, string Secret, string? MutualUserName = null, string? MutualSecret = null)
{
    /// <summary>Names only: secrets stay out of logs.</summary>
    public override string ToString() =>
        MutualUserName is null ? $"chap {UserName}" : $"chap {UserName}, mutual {MutualUserName}";
}
