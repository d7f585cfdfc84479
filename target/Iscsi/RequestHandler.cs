using System.Buffers.Binary;
using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Requests of the full-feature phase other than SCSI commands: NOP-Out (RFC 7143 §11.18), text (§11.10),
/// logout (§11.14) and the refusal of what does not belong. Task management is passed on.
/// </summary>
internal sealed class RequestHandler(IscsiSession session)
{
    private readonly TaskManagement _management = new(session);
    private readonly List<byte> _textIn = [];
    private byte[] _textOut = [];
    private int _textSent;
    private uint _textTag;
    private uint _nextTextTag = 1;

    /// <summary>Opcodes that take a CmdSN when they are not immediate.</summary>
    public static bool IsNumbered(IscsiOpcode opcode) =>
        opcode is IscsiOpcode.NopOut or IscsiOpcode.ScsiCommand or
        IscsiOpcode.TaskManagementRequest or IscsiOpcode.TextRequest or IscsiOpcode.LogoutRequest;

    /// <summary>
    /// Handles a request whose turn has come; takes over the payload. False ends the connection.
    /// </summary>
    public bool Handle(PduHeader header, IoBuffer? payload, int payloadBytes)
    {
        bool goesOn = true;
        bool keepsPayload = false;
        switch (header.Opcode)
        {
            case IscsiOpcode.NopOut:
                keepsPayload = AnswerNop(header, payload, payloadBytes);
                break;
            case IscsiOpcode.TextRequest:
                goesOn = AnswerText(header, payload is null ? default : payload.Span[..payloadBytes]);
                break;
            case IscsiOpcode.LogoutRequest:
                Logout(header);
                break;
            case IscsiOpcode.TaskManagementRequest when !session.Setup.IsDiscovery:
                _management.Handle(header);
                break;
            case IscsiOpcode.SnackRequest:
                session.Reject(header, RejectReason.SnackReject);
                break;
            case IscsiOpcode.LoginRequest or IscsiOpcode.DataOut:
                session.Reject(header, RejectReason.ProtocolError);
                goesOn = false;
                break;
            default:
                session.Reject(header, RejectReason.CommandNotSupported);
                break;
        }

        if (payload is not null && !keepsPayload) session.Share.Return(payload);
        return goesOn;
    }

    /// <summary>Tells the initiator something unasked (RFC 7143 §11.9).</summary>
    public static void Announce(
        IscsiSession session, AsyncEvent what, ushort first, ushort second, ushort third)
    {
        Span<byte> message = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(message, IscsiOpcode.AsyncMessage, 0x80, PduHeader.NoTag);
        session.Window.Open(session.Tasks.Count, session.Share.Budget.IsShort);
        PduWriter.SetSequence(
            message, session.TakeStatSn(), session.Window.ExpCmdSn, session.Window.MaxCmdSn);
        message[36] = (byte)what;
        BinaryPrimitives.WriteUInt16BigEndian(message[38..], first);
        BinaryPrimitives.WriteUInt16BigEndian(message[40..], second);
        BinaryPrimitives.WriteUInt16BigEndian(message[42..], third);
        session.Sender.Send(message);
    }

    /// <summary>Asks the initiator for a sign of life.</summary>
    public static void Ping(IscsiSession session)
    {
        Span<byte> answer = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(answer, IscsiOpcode.NopIn, 0x80, PduHeader.NoTag);
        PduWriter.SetTransferTag(answer, 1);
        session.Window.Open(session.Tasks.Count, session.Share.Budget.IsShort);
        PduWriter.SetSequence(answer, session.StatSn, session.Window.ExpCmdSn, session.Window.MaxCmdSn);
        session.Sender.Send(answer);
    }

    /// <summary>
    /// Echoes the data, as much as the initiator takes. True when the payload went into the answer.
    /// </summary>
    private bool AnswerNop(PduHeader header, IoBuffer? payload, int payloadBytes)
    {
        if (header.InitiatorTaskTag == PduHeader.NoTag) return false;
        Span<byte> answer = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(answer, IscsiOpcode.NopIn, 0x80, header.InitiatorTaskTag);
        PduWriter.SetLun(answer, header.Lun);
        PduWriter.SetTransferTag(answer, PduHeader.NoTag);
        SetSequence(answer);
        int echoBytes = Math.Min(payloadBytes, session.Parameters.InitiatorMaxDataBytes);
        if (payload is null || echoBytes == 0)
        {
            session.Sender.Send(answer);
            return false;
        }

        session.Sender.Send(answer, payload.First(echoBytes), payload);
        return true;
    }

    private bool AnswerText(PduHeader header, ReadOnlySpan<byte> data)
    {
        bool continues = header.TargetTransferTag != PduHeader.NoTag;
        if (continues && _textTag != 0 && header.TargetTransferTag == _textTag && data.Length == 0 &&
            _textOut.Length > 0)
        {
            SendText(header);
            return true;
        }

        if (_textIn.Count + data.Length > 64 * 1024)
        {
            session.Reject(header, RejectReason.ProtocolError);
            return false;
        }

        if (continues && (_textTag == 0 || header.TargetTransferTag != _textTag))
        {
            session.Reject(header, RejectReason.ProtocolError);
            return true;
        }

        if (!continues) _textIn.Clear();
        _textIn.AddRange(data);
        if (header.IsContinued)
        {
            _textOut = [];
            SendText(header, wantsMore: true);
            return true;
        }

        List<KeyValuePair<string, string>>? keys = TextKeys.Parse(_textIn.ToArray());
        _textIn.Clear();
        if (keys is null)
        {
            session.Reject(header, RejectReason.ProtocolError);
            return true;
        }

        _textOut = TextKeys.Format(Answers(keys));
        _textSent = 0;
        SendText(header);
        return true;
    }

    private List<KeyValuePair<string, string>> Answers(List<KeyValuePair<string, string>> keys)
    {
        var answers = new List<KeyValuePair<string, string>>();
        foreach ((string key, string value) in keys)
        {
            if (key == "SendTargets") AnswerSendTargets(value, answers);
            else if (key == "MaxRecvDataSegmentLength" &&
                ParameterNegotiation.TryNumber(value, out int bytes) &&
                bytes is >= 512 and <= 16777215) session.Parameters.InitiatorMaxDataBytes = bytes;
            else if (ParameterNegotiation.IsOfLogin(key)) answers.Add(new(key, "Reject"));
            else if (key is not ("InitiatorName" or "InitiatorAlias")) answers.Add(new(key, "NotUnderstood"));
        }

        return answers;
    }

    /// <summary>
    /// All that this initiator may use in a discovery session, with the portals that it can reach; in a
    /// normal one its own target, and "All" is refused (RFC 7143 appendix C).
    /// </summary>
    private void AnswerSendTargets(string which, List<KeyValuePair<string, string>> answers)
    {
        SessionSetup setup = session.Setup;
        bool all = which == "All";
        if (all ? !setup.IsDiscovery : which.Length == 0 && setup.IsDiscovery)
        {
            answers.Add(new("SendTargets", "Reject"));
            return;
        }

        List<string> addresses = setup.Server.AddressesFor(setup.Connection);
        foreach (TargetNode target in setup.Server.TargetsFor(setup.InitiatorName))
        {
            if (!setup.IsDiscovery && !ReferenceEquals(target, setup.Target)) continue;
            bool named = all || which.Length == 0 ||
                string.Equals(which, target.Iqn, StringComparison.OrdinalIgnoreCase);
            if (!named) continue;
            answers.Add(new("TargetName", target.Iqn));
            foreach (string address in addresses) answers.Add(new("TargetAddress", address));
        }
    }

    private void SendText(PduHeader header, bool wantsMore = false)
    {
        int room = Math.Min(session.Parameters.InitiatorMaxDataBytes, 8192);
        int part = Math.Min(room, _textOut.Length - _textSent);
        bool ends = !wantsMore && _textSent + part == _textOut.Length;
        Span<byte> answer = stackalloc byte[PduHeader.LengthBytes];
        byte flags = ends ? (byte)0x80 : wantsMore ? (byte)0 : (byte)0x40;
        PduWriter.Start(answer, IscsiOpcode.TextResponse, flags, header.InitiatorTaskTag);
        PduWriter.SetLun(answer, header.Lun);
        _textTag = ends ? 0 : TakeTextTag();
        PduWriter.SetTransferTag(answer, ends ? PduHeader.NoTag : _textTag);
        SetSequence(answer);
        session.Sender.Send(answer, wantsMore ? default : _textOut.AsSpan(_textSent, part));
        _textSent += part;
        if (!ends) return;
        _textOut = [];
        _textSent = 0;
    }

    private uint TakeTextTag()
    {
        uint tag = _nextTextTag;
        _nextTextTag = tag >= int.MaxValue ? 1 : tag + 1;
        return tag;
    }

    /// <summary>
    /// Closes session or connection, which is the same here; recovery (reason 2) is not offered.
    /// </summary>
    private void Logout(PduHeader header)
    {
        int reason = header.Flags & 0x7f;
        Span<byte> answer = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(answer, IscsiOpcode.LogoutResponse, 0x80, header.InitiatorTaskTag);
        answer[2] = reason switch
        {
            0 => 0,
            1 => header.Cid == session.Setup.Cid ? (byte)0 : (byte)1,
            _ => 2,
        };
        SetSequence(answer);
        bool closes = answer[2] == 0;
        session.Sender.Send(answer);
        if (closes) session.Setup.Connection.CloseAfterAnswer("logout");
    }

    private void SetSequence(Span<byte> answer)
    {
        session.Window.Open(session.Tasks.Count, session.Share.Budget.IsShort);
        PduWriter.SetSequence(answer, session.TakeStatSn(), session.Window.ExpCmdSn, session.Window.MaxCmdSn);
    }
}
