using System.Collections.Frozen;
using System.Globalization;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Operational keys of RFC 7143 §13 as one table: how each is answered, and what the outcome sets. An
/// answer of null means the key was a declaration. A value out of range is answered "Reject", an unknown
/// key "NotUnderstood", and a key negotiated twice is the initiator's error.
/// </summary>
internal sealed class ParameterNegotiation(SessionParameters parameters, TargetOptions options)
{
    private const string Reject = "Reject";
    private const string Irrelevant = "Irrelevant";
    private const int LargestLength = 16777215;

    private static readonly FrozenDictionary<string, Func<ParameterNegotiation, string, string?>> Table =
        new Dictionary<string, Func<ParameterNegotiation, string, string?>>(StringComparer.Ordinal)
        {
            ["HeaderDigest"] = static (n, v) => n.Digest(v, on => n._parameters.HeaderDigest = on),
            ["DataDigest"] = static (n, v) => n.Digest(v, on => n._parameters.DataDigest = on),
            ["MaxConnections"] = static (_, v) => Least(v, 1, 65535, 1, static _ => { }),
            ["InitialR2T"] = static (n, v) =>
                Either(v, n._options.RequireInitialR2T, on => n._parameters.InitialR2T = on),
            ["ImmediateData"] = static (n, v) => Both(v, true, on => n._parameters.ImmediateData = on),
            ["MaxRecvDataSegmentLength"] = static (n, v) => n.DeclareLength(v),
            ["MaxBurstLength"] = static (n, v) => Least(
                v, 512, LargestLength, n._options.MaxBurstLength, x => n._parameters.MaxBurstBytes = x),
            ["FirstBurstLength"] = static (n, v) => Least(
                v, 512, LargestLength, n._options.FirstBurstLength, x => n._parameters.FirstBurstBytes = x),
            ["DefaultTime2Wait"] = static (n, v) =>
                Most(v, 0, 3600, 0, x => n._parameters.DefaultTime2Wait = x),
            ["DefaultTime2Retain"] = static (n, v) =>
                Least(v, 0, 3600, 0, x => n._parameters.DefaultTime2Retain = x),
            ["MaxOutstandingR2T"] = static (n, v) => Least(
                v, 1, 65535, n._options.MaxOutstandingR2T, x => n._parameters.MaxOutstandingR2T = x),
            ["DataPDUInOrder"] = static (_, v) => Either(v, true, static _ => { }),
            ["DataSequenceInOrder"] = static (_, v) => Either(v, true, static _ => { }),
            ["ErrorRecoveryLevel"] = static (_, v) => Least(v, 0, 2, 0, static _ => { }),
            ["iSCSIProtocolLevel"] = static (n, v) =>
                Least(v, 0, 31, QueryLevel, x => n._parameters.ProtocolLevel = x),
            ["TaskReporting"] = static (_, v) => FirstOf(v, "RFC3720"),
            ["IFMarker"] = static (_, v) => Both(v, false, static _ => { }),
            ["OFMarker"] = static (_, v) => Both(v, false, static _ => { }),
            ["IFMarkInt"] = static (_, _) => Reject,
            ["OFMarkInt"] = static (_, _) => Reject,
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What says how data moves says nothing in a discovery session, which moves none.</summary>
    private static readonly FrozenSet<string> OfDataSessions = FrozenSet.ToFrozenSet(
        [
            "MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
            "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder", "TaskReporting",
        ],
        StringComparer.Ordinal);

    /// <summary>iSCSIProtocolLevel of RFC 7144.</summary>
    private const int QueryLevel = 2;

    private readonly SessionParameters _parameters = parameters;
    private readonly TargetOptions _options = options;
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>
    /// True once our own MaxRecvDataSegmentLength must go out: with the first operational answer.
    /// </summary>
    public bool HasDeclaredLength { get; set; }

    public bool IsDiscovery { get; set; }

    /// <summary>
    /// Is it a key that only a login may negotiate, so that it is rejected in the full-feature phase? One
    /// that is not known at all is answered NotUnderstood there too.
    /// </summary>
    public static bool IsOfLogin(string key) => Table.ContainsKey(key);

    /// <summary>Answers one key. False when the initiator broke a rule of negotiation.</summary>
    public bool TryAnswer(string key, string value, List<KeyValuePair<string, string>> answers)
    {
        if (!_seen.Add(key)) return false;
        if (!Table.TryGetValue(key, out Func<ParameterNegotiation, string, string?>? rule))
        {
            answers.Add(new(key, "NotUnderstood"));
            return true;
        }

        bool isIrrelevant = IsDiscovery && OfDataSessions.Contains(key);
        string? answer = isIrrelevant ? Irrelevant : rule(this, value);
        if (answer is not null) answers.Add(new(key, answer));
        return true;
    }

    /// <summary>Rules between keys, once all are known: the first burst is part of a burst.</summary>
    public void Settle() =>
        _parameters.FirstBurstBytes = Math.Min(_parameters.FirstBurstBytes, _parameters.MaxBurstBytes);

    /// <summary>A number in decimal or 0x hexadecimal, as RFC 7143 §6.1 writes them.</summary>
    internal static bool TryNumber(string text, out int value)
    {
        bool hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        NumberStyles style = hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        return int.TryParse(hex ? text.AsSpan(2) : text, style, CultureInfo.InvariantCulture, out value) &&
            value >= 0;
    }

    private static string Least(string value, int from, int to, int ours, Action<int> set)
    {
        if (!TryNumber(value, out int theirs) || theirs < from || theirs > to) return Reject;
        return Agree(Math.Min(theirs, ours), set);
    }

    private static string Most(string value, int from, int to, int ours, Action<int> set)
    {
        if (!TryNumber(value, out int theirs) || theirs < from || theirs > to) return Reject;
        return Agree(Math.Max(theirs, ours), set);
    }

    private static string Agree(int result, Action<int> set)
    {
        set(result);
        return result.ToString(CultureInfo.InvariantCulture);
    }

    private static string Either(string value, bool ours, Action<bool> set) =>
        Boolean(value, set, t => t || ours);

    private static string Both(string value, bool ours, Action<bool> set) =>
        Boolean(value, set, t => t && ours);

    private static string Boolean(string value, Action<bool> set, Func<bool, bool> combine)
    {
        if (value is not ("Yes" or "No")) return Reject;
        bool result = combine(value == "Yes");
        set(result);
        return result ? "Yes" : "No";
    }

    private static string FirstOf(string value, string ours) =>
        Array.IndexOf(value.Split(','), ours) >= 0 ? ours : Reject;

    /// <summary>Of the initiator's list, in its order, the first we allow.</summary>
    private string Digest(string value, Action<bool> set)
    {
        foreach (string choice in value.Split(','))
        {
            if (choice == "CRC32C" && _options.AllowDigests)
            {
                set(true);
                return choice;
            }

            if (choice != "None") continue;
            set(false);
            return choice;
        }

        return Reject;
    }

    private string? DeclareLength(string value)
    {
        if (!TryNumber(value, out int theirs) || theirs is < 512 or > LargestLength) return Reject;
        _parameters.InitiatorMaxDataBytes = theirs;
        return null;
    }
}
