using System.Text;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Text of login and text PDUs: key=value pairs, each ended by a zero byte (RFC 7143 §6.1). Foreign bytes:
/// a pair without '=', a key that is too long or has odd characters, and bytes outside UTF-8 make the whole
/// text invalid.
/// </summary>
internal static class TextKeys
{
    public const int MaximumKeyLength = 63;
    public const int MaximumPairs = 128;

    private static readonly UTF8Encoding Strict = new(false, true);

    /// <summary>The pairs in order, or null when the text is malformed.</summary>
    public static List<KeyValuePair<string, string>>? Parse(ReadOnlySpan<byte> text)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        while (text.Length > 0)
        {
            int end = text.IndexOf((byte)0);
            ReadOnlySpan<byte> pair = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (pair.Length == 0) continue;
            int equals = pair.IndexOf((byte)'=');
            if (equals is < 1 or > MaximumKeyLength || pairs.Count == MaximumPairs) return null;
            if (!IsKey(pair[..equals]) || !TryDecode(pair[(equals + 1)..], out string? value)) return null;
            pairs.Add(new(Encoding.ASCII.GetString(pair[..equals]), value));
        }

        return pairs;
    }

    public static byte[] Format(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        var text = new StringBuilder();
        foreach ((string key, string value) in pairs) text.Append(key).Append('=').Append(value).Append('\0');
        return Strict.GetBytes(text.ToString());
    }

    private static bool IsKey(ReadOnlySpan<byte> key)
    {
        foreach (byte c in key)
        {
            bool good = char.IsAsciiLetterOrDigit((char)c) || c is (byte)'.' or (byte)'-' or (byte)'+' or
                (byte)'@' or (byte)'_';
            if (!good) return false;
        }

        return true;
    }

    private static bool TryDecode(
        ReadOnlySpan<byte> bytes, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value)
    {
        value = null;
        if (!System.Text.Unicode.Utf8.IsValid(bytes)) return false;
        value = Strict.GetString(bytes);
        return true;
    }
}
