using System.Net;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Target.Iscsi;

/// <summary>
/// One TCP connection from accept to its end: login (RFC 7143 §6), then its session. Watches for the
/// login's deadline, silence (NOP-In) and a send that makes no progress. Ends when the peer goes, a rule is
/// broken, or the server says so; then its session's tasks are aborted, and when the last has ended
/// everything is given back.
/// </summary>
internal sealed class IscsiConnection : IPduHandler
{
    private const int LoginDataBytes = 8192;
    private const long NanosecondsPerMs = 1_000_000;

    private readonly TargetServer _server;
    private readonly ILoop _loop;
    private readonly IConnection _connection;
    private readonly ILogger _logger;
    private readonly PduReceiver _receiver;
    private readonly ILoopTimer _timer;
    private readonly LoginExchange _login;
    private readonly WaitQueue _ended = new();
    private IoBuffer? _loginData;
    private LoginReply? _reply;
    private uint _loginTag;
    private uint _loginCmdSn;
    private ushort _loginTsih;
    private uint _statSn;
    private bool _loginRan;
    private string? _reason;
    private long _lastReceivedBytes;
    private bool _pinged;
    private bool _receiveEnded;
    private bool _finished;

    public IscsiConnection(
        TargetServer server, ILoop loop, IConnection connection, ushort portalGroupTag, ILogger logger)
    {
        PortalGroupTag = portalGroupTag;
        BeganNanoseconds = loop.NowNanoseconds;
        _server = server;
        _loop = loop;
        _connection = connection;
        _logger = logger;
        Share = new BufferShare(server.Budget);
        Sender = new SendQueue(loop, connection, Share) { Drained = TryFinish };
        _receiver = new PduReceiver(connection, Share) { Handler = this };
        _login = new LoginExchange(server, LocalPortal, portalGroupTag);
        _timer = loop.CreateTimer(OnTimer);
    }

    public BufferShare Share { get; }

    public SendQueue Sender { get; }

    public IscsiSession? Session { get; private set; }

    /// <summary>Completes when nothing of the connection is left.</summary>
    public Task EndedAsync() => _finished ? Task.CompletedTask : _ended.WaitAsync();

    public IPEndPoint RemoteEndPoint => _connection.RemoteEndPoint;

    public IPEndPoint LocalEndPoint => _connection.LocalEndPoint;

    /// <summary>Address and port at which the initiator reached us, as TargetAddress writes it.</summary>
    public string LocalPortal => Portal.Text(_connection.LocalEndPoint);

    public ushort PortalGroupTag { get; }

    /// <summary>When it was accepted.</summary>
    public long BeganNanoseconds { get; }

    /// <summary>It ends, for a reason of ours.</summary>
    public bool IsClosing => _reason is not null;

    private string InitiatorName => _login.InitiatorName.Length > 0 ? _login.InitiatorName : "(no name yet)";

    /// <summary>Serves the connection to its end.</summary>
    public async ValueTask RunAsync()
    {
        _loginData = Share.TryRent(LoginDataBytes);
        if (_loginData is null || !_receiver.TryOpen())
        {
            Close("no memory for another connection");
        }
        else
        {
            _timer.Start(_server.Options.LoginTimeoutMs * NanosecondsPerMs);
            await ReceiveAllAsync();
        }

        _timer.Stop();
        _connection.Close();
        TargetLog.Ended(_logger, InitiatorName, RemoteEndPoint.ToString(), _reason ?? "the peer closed it");
        _receiveEnded = true;
        if (Session is not null)
        {
            Session.Setup.Target?.Detach(Session);
            Session.Close();
        }

        TryFinish();
    }

    /// <summary>Ends the connection at once.</summary>
    public void Close(string reason)
    {
        _reason ??= reason;
        _connection.Close();
    }

    /// <summary>Ends the connection, having told an initiator that is logged in (RFC 7143 §11.9).</summary>
    public void Drop(string reason)
    {
        if (Session is null)
        {
            Close(reason);
            return;
        }

        SessionParameters agreed = Session.Parameters;
        RequestHandler.Announce(
            Session,
            AsyncEvent.ConnectionDropped,
            Session.Setup.Cid,
            (ushort)agreed.DefaultTime2Wait,
            (ushort)agreed.DefaultTime2Retain);
        CloseAfterAnswer(reason);
    }

    /// <summary>Ends the connection once what is queued is out.</summary>
    public void CloseAfterAnswer(string reason)
    {
        _reason ??= reason;
        Sender.CloseWhenSent();
    }

    public void OnTasksDrained() => TryFinish();

    public bool BeginPdu(PduHeader header, out IoSlice destination)
    {
        destination = default;
        if (header.Opcode != IscsiOpcode.LoginRequest || _reply is not null)
        {
            _reason = $"{header.Opcode} during login";
            return false;
        }

        if (header.DataLengthBytes > 0) destination = _loginData!.First(header.DataLengthBytes);
        return true;
    }

    public bool EndPdu(PduHeader header, bool dataIntact)
    {
        if (!_loginRan)
        {
            _loginRan = true;
            _loginCmdSn = header.CmdSn;
            _statSn = header.ExpStatSn == 0 ? 1 : header.ExpStatSn;
        }

        _loginTag = header.InitiatorTaskTag;
        _loginTsih = header.Tsih;
        _reply = _login.Step(header, _loginData!.Span[..header.DataLengthBytes]);
        return true;
    }

    private async ValueTask ReceiveAllAsync()
    {
        while (true)
        {
            int receivedBytes = await _receiver.ReceiveAsync();
            if (receivedBytes == 0) return;
            if (!_receiver.Accept(receivedBytes))
            {
                _reason ??= _receiver.Failure ?? "protocol error";
                CloseAfterAnswer(_reason);
                break;
            }

            if (_reply is not null && !await AnswerLoginAsync()) break;
            while (Sender.IsCongested && _reason is null) await _loop.DelayAsync(NanosecondsPerMs);
        }

        while (await _receiver.DiscardAsync() != 0)
        {
        }
    }

    /// <summary>Sends the login response. False when login was refused.</summary>
    private async ValueTask<bool> AnswerLoginAsync()
    {
        LoginReply reply = _reply!;
        bool failed = reply.Status == LoginStatus.AuthenticationFailure;
        if (failed || _login.HasJudgedProof)
        {
            long pause = _server.Throttle.Judge(RemoteEndPoint.Address, failed, _loop.NowNanoseconds);
            if (pause > 0) await _loop.DelayAsync(pause);
            if (_reason is not null) return false;
        }

        if (reply.IsComplete) reply = await JoinAsync(reply);
        SendLoginResponse(reply);
        _reply = null;
        if (reply.Status != LoginStatus.Success)
        {
            EndRefused(reply);
            return false;
        }

        if (reply.IsComplete) EnterFullFeature();
        return _reason is null;
    }

    private void EndRefused(LoginReply reply)
    {
        string address = RemoteEndPoint.ToString();
        if (reply.IsRedirection)
        {
            TargetLog.Redirected(_logger, InitiatorName, address, reply.Reason);
            CloseAfterAnswer($"login redirected: {reply.Reason}");
            return;
        }

        _server.CountRefused(reply.Status, _login.Target);
        TargetLog.LoginRefused(_logger, InitiatorName, address, reply.Status, reply.Reason);
        CloseAfterAnswer($"login refused: {reply.Reason}");
    }

    /// <summary>
    /// The last step: a session of the same initiator port is replaced (RFC 7143 §6.3.5), its tasks ended
    /// first. A second connection, and the continuation of a session that has ended, are refused: sessions
    /// have one connection and end with it.
    /// </summary>
    private async ValueTask<LoginReply> JoinAsync(LoginReply reply)
    {
        if (_loginTsih != 0)
        {
            IscsiSession? own =
                _login.Target?.FindSession(_login.InitiatorName, _login.Isid, PortalGroupTag);
            LoginStatus status = own?.Setup.Tsih == _loginTsih
                ? LoginStatus.TooManyConnections
                : LoginStatus.SessionDoesNotExist;
            return new LoginReply(status, 0, [], "one connection per session");
        }

        if (_login.Target is not TargetNode target)
        {
            return _server.DiscoveryCount < _server.Options.MaxDiscoverySessions
                ? reply
                : new LoginReply(LoginStatus.OutOfResources, 0, [], "too many discovery sessions");
        }

        while (target.FindSession(_login.InitiatorName, _login.Isid, PortalGroupTag) is { } old)
        {
            old.Setup.Connection.Close("replaced by a new login");
            await old.Setup.Connection.EndedAsync();
        }

        return target.IsLeaving || _reason is not null
            ? new LoginReply(LoginStatus.TargetRemoved, 0, [], "the target is going away")
            : reply;
    }

    private void SendLoginResponse(LoginReply reply)
    {
        bool complete = reply.IsComplete;
        if (complete) Session = _server.Attach(this, _login, _loginCmdSn, unchecked(_statSn + 1));
        Span<byte> header = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(header, IscsiOpcode.LoginResponse, reply.Flags, _loginTag);
        ulong isidAndTsih = (_login.Isid << 16) | (complete ? Session!.Setup.Tsih : _loginTsih);
        PduWriter.SetLun(header, isidAndTsih);
        int window = complete ? _server.Options.CommandWindow : 1;
        uint maxCmdSn = unchecked(_loginCmdSn + (uint)window - 1);
        PduWriter.SetSequence(header, _statSn, _loginCmdSn, maxCmdSn);
        _statSn = unchecked(_statSn + 1);
        header[36] = (byte)((ushort)reply.Status >> 8);
        header[37] = (byte)((ushort)reply.Status & 0xff);
        Sender.Send(header, TextKeys.Format(reply.Text));
    }

    private void EnterFullFeature()
    {
        SessionParameters agreed = _login.Parameters;
        Sender.HeaderDigest = agreed.HeaderDigest;
        Sender.DataDigest = agreed.DataDigest;
        _receiver.HeaderDigest = agreed.HeaderDigest;
        _receiver.DataDigest = agreed.DataDigest;
        _receiver.MaximumDataBytes = agreed.TargetMaxDataBytes;
        _receiver.Handler = Session!;
        Share.Return(_loginData!);
        _loginData = null;
        _timer.Start(_server.Options.NopIntervalMs * NanosecondsPerMs);
        string target = _login.Target?.Iqn ?? "discovery";
        TargetLog.LoggedIn(_logger, InitiatorName, RemoteEndPoint.ToString(), target);
    }

    private void OnTimer()
    {
        if (Session is null)
        {
            Close("login took too long");
            return;
        }

        long stalled = Sender.IsSending ? _loop.NowNanoseconds - Sender.SendStartedNanoseconds : 0;
        if (stalled > _server.Options.NopTimeoutMs * NanosecondsPerMs)
        {
            Close("the peer takes no data");
            return;
        }

        if (Session.Tick() is { } overdue)
        {
            Close(overdue);
            return;
        }

        bool silent = _receiver.ReceivedBytes == _lastReceivedBytes;
        _lastReceivedBytes = _receiver.ReceivedBytes;
        if (silent && _pinged)
        {
            Close("no sign of life from the peer");
            return;
        }

        _pinged = silent;
        if (silent) RequestHandler.Ping(Session);
        int nextMs = silent ? _server.Options.NopTimeoutMs : _server.Options.NopIntervalMs;
        _timer.Start(nextMs * NanosecondsPerMs);
    }

    /// <summary>Gives everything back once nothing is under way any more.</summary>
    private void TryFinish()
    {
        if (_finished || !_receiveEnded || Sender.IsSending) return;
        if (Session is not null && Session.Tasks.Count > 0) return;
        _finished = true;
        Sender.Dispose();
        _receiver.Dispose();
        if (_loginData is not null) Share.Return(_loginData);
        _loginData = null;
        _server.Forget(this);
        _ended.Release();
    }
}
