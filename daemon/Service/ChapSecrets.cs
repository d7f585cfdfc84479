using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Target;

namespace Cstor.Daemon.Service;

/// <summary>
/// Makes what a volume's properties say about logging in into what the target needs. The secrets come from
/// files and are read when the target is made; reading may block, so it is done off the loop. A volume whose
/// secret cannot be had is not served at all: without its lock is worse than not.
/// </summary>
internal static class ChapSecrets
{
    private const int MinimumLength = 12;
    private const int MaximumLength = 64;
    private const int MaximumFileBytes = 4096;

    /// <returns>CHAP settings, or null where the volume asks for none.</returns>
    public static Outcome<ChapSettings?> Read(IReadOnlyDictionary<string, string> properties)
    {
        if (PropertyRules.CheckTogether(properties) is { } fault) return fault;
        if (!properties.TryGetValue(PropertyRules.ChapUser, out string? user) || user.Length == 0)
        {
            return Outcome<ChapSettings?>.Ok(null);
        }
        Outcome<string> secret = ReadFile(properties[PropertyRules.ChapSecretFile]);
        if (!secret.IsOk) return secret.Fault;
        if (!properties.TryGetValue(PropertyRules.MutualChapUser, out string? mutualUser)
            || mutualUser.Length == 0)
        {
            return new ChapSettings(user, secret.Value);
        }
        Outcome<string> mutual = ReadFile(properties[PropertyRules.MutualChapSecretFile]);
        if (!mutual.IsOk) return mutual.Fault;
        return secret.Value == mutual.Value
            ? new Fault("chap-secret", "both directions of CHAP have the same secret", "Use two secrets")
            : new ChapSettings(user, secret.Value, mutualUser, mutual.Value);
    }

    private static Outcome<string> ReadFile(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaximumFileBytes)
            {
                return new Fault(
                    "chap-secret", $"{path} is too large for a secret", "Write the secret alone");
            }
            string secret = File.ReadAllText(path).TrimEnd('\r', '\n');
            return secret.Length is >= MinimumLength and <= MaximumLength
                ? secret
                : new Fault(
                    "chap-secret",
                    $"the CHAP secret in {path} has not {MinimumLength} to {MaximumLength} characters",
                    "Write one line of that length into it");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "chap-secret",
                $"cannot read the CHAP secret: {exception.Message}",
                "Correct the file or the property");
        }
    }
}
