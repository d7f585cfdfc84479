using System.Globalization;

namespace Cstor.Target.Iscsi;

/// <summary>
/// The login phase of one connection as a state machine without I/O, RFC 7143 §6: stages security (0) and
/// operational (1), text continued over several requests, authentication before anything is agreed, and the
/// keys of the table in
/// <see cref="ParameterNegotiation"/>. Everything foreign is bounded: text, steps, names.
/// </summary>
internal sealed class LoginExchange
{
    private const int SecurityStage = 0;
    private const int OperationalStage = 1;
    private const int FullFeature = 3;
    private const int MaximumSteps = 32;
    private const int MaximumTextBytes = 64 * 1024;
    private const int MaximumNameLength = 223;

    private readonly ILoginDirectory _directory;
    private readonly string _portal;
    private readonly ushort _groupTag;
    private readonly ParameterNegotiation _negotiation;
    private readonly List<byte> _text = [];
    private ChapExchange? _chap;
    private bool _chapChosen;
    private bool _authenticated;
    private int _stage = -1;
    private int _steps;
    private ulong _isid;
    private ushort _cid;

    /// <param name="directory">Knows targets and rules.</param>
    /// <param name="portal">Address and port at which the initiator reached us.</param>
    /// <param name="groupTag">Portal group tag of that portal.</param>
    public LoginExchange(ILoginDirectory directory, string portal, ushort groupTag)
    {
        _directory = directory;
        _portal = portal;
        _groupTag = groupTag;
        _negotiation = new ParameterNegotiation(Parameters, directory.Options);
    }

    public SessionParameters Parameters { get; } = new();

    public string InitiatorName { get; private set; } = "";

    public string InitiatorAlias { get; private set; } = "";

    public bool IsDiscovery { get; private set; }

    /// <summary>The target of a normal session; null for discovery.</summary>
    public TargetNode? Target { get; private set; }

    public ulong Isid => _isid;

    public ushort Cid => _cid;

    /// <summary>The last request held a proof of a secret, right or wrong.</summary>
    public bool HasJudgedProof { get; private set; }

    /// <summary>Takes one login request and says what to answer.</summary>
    public LoginReply Step(PduHeader header, ReadOnlySpan<byte> data)
    {
        HasJudgedProof = false;
        LoginReply? bad = CheckHeader(header);
        if (bad is not null) return bad;
        int stage = (header.Flags >> 2) & 3;
        if (_text.Count + data.Length > MaximumTextBytes)
            return Refuse(LoginStatus.InitiatorError, "login text too long");
        _text.AddRange(data);
        if (header.IsContinued) return new LoginReply(LoginStatus.Success, (byte)(stage << 2), []);
        List<KeyValuePair<string, string>>? keys = TextKeys.Parse(_text.ToArray());
        _text.Clear();
        if (keys is null) return Refuse(LoginStatus.InitiatorError, "malformed login text");

        var answers = new List<KeyValuePair<string, string>>();
        if (_stage < 0)
        {
            bad = Identify(keys, stage);
            if (bad is not null) return bad;
            if (!IsDiscovery)
                answers.Add(new("TargetPortalGroupTag", _groupTag.ToString(CultureInfo.InvariantCulture)));
        }

        _stage = stage;
        bad = stage == SecurityStage ? Authenticate(keys, answers) : Negotiate(keys, answers);
        return bad ?? Conclude(header, answers);
    }

    private LoginReply? CheckHeader(PduHeader header)
    {
        int stage = (header.Flags >> 2) & 3;
        int next = header.Flags & 3;
        if (++_steps > MaximumSteps) return Refuse(LoginStatus.InitiatorError, "too many login requests");
        if (header.Bytes[3] > 0) return Refuse(LoginStatus.UnsupportedVersion, "version not supported");
        if (stage > OperationalStage || (header.IsFinal && header.IsContinued))
            return Refuse(LoginStatus.InitiatorError, "bad login stage or flags");
        if (header.IsFinal && (next <= stage || next == 2))
            return Refuse(LoginStatus.InitiatorError, "bad next login stage");
        if (_steps == 1)
        {
            _isid = header.Isid;
            _cid = header.Cid;
        }
        else if (_isid != header.Isid || _cid != header.Cid)
            return Refuse(LoginStatus.InitiatorError, "ISID or CID changed during login");

        return _stage >= 0 && stage != _stage
            ? Refuse(LoginStatus.InitiatorError, "login stage out of order")
            : null;
    }

    /// <summary>First request: who asks, for what, and whether that is allowed at all.</summary>
    private LoginReply? Identify(List<KeyValuePair<string, string>> keys, int stage)
    {
        InitiatorName = ValueOf(keys, "InitiatorName").ToLowerInvariant();
        InitiatorAlias = ValueOf(keys, "InitiatorAlias");
        string targetName = ValueOf(keys, "TargetName").ToLowerInvariant();
        string type = ValueOf(keys, "SessionType");
        // Where it is written down, spaces and @ end it, which no such name has (RFC 7143 §4.2.7).
        bool isNameless = InitiatorName.Length is 0 or > MaximumNameLength
            || InitiatorName.Any(static c => c is <= ' ' or '@');
        if (isNameless)
            return Refuse(LoginStatus.MissingParameter, "no usable InitiatorName");
        if (type is not ("" or "Normal" or "Discovery"))
            return Refuse(LoginStatus.SessionTypeNotSupported, "unknown SessionType");
        IsDiscovery = type == "Discovery";
        if (!IsDiscovery)
        {
            if (targetName.Length is 0 or > MaximumNameLength)
                return Refuse(LoginStatus.MissingParameter, "no usable TargetName");
            LoginTarget found = _directory.Find(targetName, InitiatorName, _portal);
            Target = found.Target;
            if (found.Elsewhere is { } elsewhere)
            {
                string reason = $"sent to {elsewhere.Address}";
                return new LoginReply(found.Status, 0, [new("TargetAddress", elsewhere.Address)], reason);
            }

            if (found.Status != LoginStatus.Success)
                return Refuse(found.Status, $"target {targetName}: {found.Status}");
        }

        _negotiation.IsDiscovery = IsDiscovery;

        ChapSettings? settings = IsDiscovery ? _directory.Options.DiscoveryChap : Target!.Definition.Chap;
        if (settings is null) return null;
        if (stage != SecurityStage)
            return Refuse(LoginStatus.AuthenticationFailure, "security stage skipped where CHAP is required");
        byte[] chance = new byte[17];
        _directory.FillRandom(chance);
        _chap = new ChapExchange(settings, chance[0], chance[1..]);
        return null;
    }

    private LoginReply? Authenticate(
        List<KeyValuePair<string, string>> keys, List<KeyValuePair<string, string>> answers)
    {
        foreach ((string key, string value) in keys)
        {
            LoginReply? bad = key switch
            {
                "AuthMethod" => ChooseMethod(value, answers),
                "CHAP_A" => Add(_chapChosen ? _chap?.Challenge(value) : null, answers, "CHAP_A"),
                "CHAP_R" => CheckChap(keys, answers),
                "CHAP_N" or "CHAP_I" or "CHAP_C" => null,
                _ => NegotiateOne(key, value, answers),
            };
            if (bad is not null) return bad;
        }

        return null;
    }

    private LoginReply? ChooseMethod(string list, List<KeyValuePair<string, string>> answers)
    {
        string wanted = _chap is null ? "None" : "CHAP";
        if (Array.IndexOf(list.Split(','), wanted) < 0)
            return Refuse(LoginStatus.AuthenticationFailure, $"AuthMethod {wanted} was not offered");
        _chapChosen = _chap is not null;
        answers.Add(new("AuthMethod", wanted));
        return null;
    }

    private LoginReply? CheckChap(
        List<KeyValuePair<string, string>> keys, List<KeyValuePair<string, string>> answers)
    {
        HasJudgedProof = true;
        var byName = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, string value) in keys) byName[key] = value;
        LoginReply? bad = Add(_chapChosen ? _chap?.Verify(byName) : null, answers, "CHAP_R");
        _authenticated = bad is null;
        return bad;
    }

    private static LoginReply? Add(
        List<KeyValuePair<string, string>>? more, List<KeyValuePair<string, string>> answers, string step)
    {
        if (more is null) return Refuse(LoginStatus.AuthenticationFailure, $"CHAP failed at {step}");
        answers.AddRange(more);
        return null;
    }

    private LoginReply? Negotiate(
        List<KeyValuePair<string, string>> keys, List<KeyValuePair<string, string>> answers)
    {
        foreach ((string key, string value) in keys)
        {
            LoginReply? bad = NegotiateOne(key, value, answers);
            if (bad is not null) return bad;
        }

        if (_negotiation.HasDeclaredLength) return null;
        _negotiation.HasDeclaredLength = true;
        int ours = _directory.Options.MaxRecvDataSegmentLength;
        Parameters.TargetMaxDataBytes = ours;
        answers.Add(new("MaxRecvDataSegmentLength", ours.ToString(CultureInfo.InvariantCulture)));
        return null;
    }

    private LoginReply? NegotiateOne(string key, string value, List<KeyValuePair<string, string>> answers)
    {
        switch (key)
        {
            case "InitiatorName":
                bool same = string.Equals(value, InitiatorName, StringComparison.OrdinalIgnoreCase);
                return same ? null : Refuse(LoginStatus.InitiatorError, "InitiatorName changed during login");
            case "TargetName" or "SessionType" or "InitiatorAlias":
                return null;
            case "AuthMethod":
                return Refuse(LoginStatus.InitiatorError, "AuthMethod outside the security stage");
            default:
                bool fine = _negotiation.TryAnswer(key, value, answers);
                return fine ? null : Refuse(LoginStatus.InitiatorError, $"{key} negotiated twice");
        }
    }

    private LoginReply Conclude(PduHeader header, List<KeyValuePair<string, string>> answers)
    {
        byte flags = (byte)(_stage << 2);
        if (!header.IsFinal) return new LoginReply(LoginStatus.Success, flags, answers);
        int next = header.Flags & 3;
        if (_stage == SecurityStage && _chap is not null && !_authenticated)
        {
            return _chapChosen
                ? new LoginReply(LoginStatus.Success, flags, answers)
                : Refuse(LoginStatus.AuthenticationFailure, "no AuthMethod where CHAP is required");
        }

        _stage = next;
        if (next == FullFeature) _negotiation.Settle();
        return new LoginReply(LoginStatus.Success, (byte)(0x80 | flags | next), answers);
    }

    private static string ValueOf(List<KeyValuePair<string, string>> keys, string name)
    {
        foreach ((string key, string value) in keys)
            if (key == name) return value;
        return "";
    }

    private static LoginReply Refuse(LoginStatus status, string reason) => new(status, 0, [], reason);
}
