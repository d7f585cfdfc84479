using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cstor.Target.Iscsi;

/// <summary>
/// The target's side of CHAP, RFC 7143 §12.1.3: algorithm (MD5 or SHA-256), challenge, response, and the
/// answer to the initiator's own challenge. A response of ours that is reflected back is refused, as is a
/// challenge equal to ours.
/// </summary>
internal sealed class ChapExchange(ChapSettings settings, byte identifier, byte[] challenge)
{
    private const int Md5 = 5;
    private const int Sha256 = 7;
    private const int MaximumChallengeBytes = 1024;

    private int _algorithm;

    /// <summary>Step one: chooses of CHAP_A's list; null when none of it is known.</summary>
    public List<KeyValuePair<string, string>>? Challenge(string algorithms)
    {
        foreach (string item in algorithms.Split(','))
        {
            if (!ParameterNegotiation.TryNumber(item, out int algorithm)) continue;
            if (algorithm is not (Md5 or Sha256)) continue;
            _algorithm = algorithm;
            return
            [
                new("CHAP_A", algorithm.ToString(CultureInfo.InvariantCulture)),
                new("CHAP_I", identifier.ToString(CultureInfo.InvariantCulture)),
                new("CHAP_C", "0x" + Convert.ToHexStringLower(challenge)),
            ];
        }

        return null;
    }

    /// <summary>
    /// Step two: checks name and response; null refuses. The answer holds our own response when asked for
    /// one.
    /// </summary>
    public List<KeyValuePair<string, string>>? Verify(IReadOnlyDictionary<string, string> keys)
    {
        if (_algorithm == 0) return null;
        byte[] expected = Respond(identifier, settings.Secret, challenge);
        bool nameMatches = keys.TryGetValue("CHAP_N", out string? name) &&
            CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(settings.UserName));
        bool responseMatches = keys.TryGetValue("CHAP_R", out string? text) &&
            TryBinary(text, out byte[] response) &&
                CryptographicOperations.FixedTimeEquals(response, expected);
        if (!nameMatches || !responseMatches) return null;
        return keys.ContainsKey("CHAP_C") || keys.ContainsKey("CHAP_I") ? Answer(keys) : [];
    }

    /// <summary>Binary values: hexadecimal with 0x, or Base64 with 0b (RFC 7143 §6.1).</summary>
    internal static bool TryBinary(string text, out byte[] value)
    {
        value = [];
        if (text.Length < 3 || text.Length > MaximumChallengeBytes * 2 + 2) return false;
        try
        {
            string digits = text[2..];
            if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
                value = Convert.FromHexString(digits.Length % 2 == 0 ? digits : "0" + digits);
            else if (text.StartsWith("0b", StringComparison.OrdinalIgnoreCase))
                value = Convert.FromBase64String(digits);
        }
        catch (FormatException)
        {
            return false;
        }

        return value.Length is > 0 and <= MaximumChallengeBytes;
    }

    private List<KeyValuePair<string, string>>? Answer(IReadOnlyDictionary<string, string> keys)
    {
        if (settings.MutualUserName is null || settings.MutualSecret is null) return null;
        if (!keys.TryGetValue("CHAP_I", out string? idText) ||
            !keys.TryGetValue("CHAP_C", out string? challengeText))
            return null;
        if (!ParameterNegotiation.TryNumber(idText, out int id) || id > 255) return null;
        if (!TryBinary(challengeText, out byte[] theirs) ||
            theirs.AsSpan().SequenceEqual(challenge)) return null;
        byte[] response = Respond((byte)id, settings.MutualSecret, theirs);
        return
        [
            new("CHAP_N", settings.MutualUserName),
            new("CHAP_R", "0x" + Convert.ToHexStringLower(response)),
        ];
    }

    private byte[] Respond(byte id, string secret, byte[] bytes)
    {
        byte[] input = [id, .. Encoding.UTF8.GetBytes(secret), .. bytes];
        return _algorithm == Sha256 ? SHA256.HashData(input) : HashMd5(input);
    }

#pragma warning disable CA5351 // The protocol's mandatory algorithm.
    private static byte[] HashMd5(byte[] input) => MD5.HashData(input);
#pragma warning restore CA5351
}
