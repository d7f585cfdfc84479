using Cstor.Engine.Host;
using Cstor.Engine.Statistics;
using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>
/// The full-feature phase of one session (one connection, error recovery level 0), RFC 7143 §4 and §11:
/// numbering, the command window, and dispatch of every opcode. The gathering of write data is in <see
/// cref="DataOutTransfer"/>, data and status to the initiator in <see cref="ResponseWriter"/>, task
/// management in <see cref="TaskManagement"/>.
/// </summary>
internal sealed class IscsiSession : IPduHandler
{
    /// <summary>Immediate commands come beside the window; more than this at once are refused.</summary>
    private const int MaximumImmediateTasks = 64;

    private readonly Dictionary<uint, IscsiTask> _tasks = new(256);
    private readonly HeldRequests _held = new();
    private uint _gapCmdSn;
    private int _gapTick;
    private readonly DataOutTransfer _dataOut;
    private readonly ResponseWriter _responses;
    private readonly RequestHandler _requests;
    private readonly TaskPool _pool;
    private IscsiTask? _arriving;
    private IoBuffer? _payload;
    private int _payloadBytes;
    private bool _ignored;

    public IscsiSession(SessionSetup setup)
    {
        Setup = setup;
        Window = new CommandWindow(setup.Options.CommandWindow);
        Window.Start(setup.FirstCmdSn);
        StatSn = setup.FirstStatSn;
        _pool = setup.Tasks;
        _responses = new ResponseWriter(this);
        _dataOut = new DataOutTransfer(this, _responses);
        _requests = new RequestHandler(this);
    }

    public SessionSetup Setup { get; }

    public SessionParameters Parameters => Setup.Parameters;

    public BufferShare Share => Setup.Connection.Share;

    public SendQueue Sender => Setup.Connection.Sender;

    public CommandWindow Window { get; }

    /// <summary>The next status number.</summary>
    public uint StatSn { get; private set; }

    public SessionCounters Counters { get; } = new();

    public bool IsClosed { get; private set; }

    /// <summary>Counts the connection's timer: progress is noted without asking for the time.</summary>
    public int Ticks { get; private set; }

    public IReadOnlyDictionary<uint, IscsiTask> Tasks => _tasks;

    public ResponseWriter Responses => _responses;

    public uint TakeStatSn()
    {
        uint current = StatSn;
        StatSn = unchecked(StatSn + 1);
        return current;
    }

    /// <summary>
    /// The connection's timer has run. Says why the connection should end, or null: what the initiator owes
    /// has not come during a whole period, and buffers and commands that wait for it must not do so for ever.
    /// </summary>
    public string? Tick()
    {
        Ticks++;
        foreach (IscsiTask task in _tasks.Values)
            if (task.AwaitsData && Ticks - task.ProgressTick > 1) return "a command's data does not come";
        if (_held.Count == 0 || Window.ExpCmdSn != _gapCmdSn) _gapTick = Ticks;
        _gapCmdSn = Window.ExpCmdSn;
        return Ticks - _gapTick > 1 ? "a command before others does not come" : null;
    }

    public bool BeginPdu(PduHeader header, out IoSlice destination)
    {
        destination = default;
        _arriving = null;
        _ignored = false;
        if (header.Opcode == IscsiOpcode.DataOut) return _dataOut.Begin(header, out destination);
        if (header.Opcode == IscsiOpcode.ScsiCommand &&
            !Setup.IsDiscovery) return BeginCommand(header, out destination);
        _payloadBytes = 0;
        if (header.DataLengthBytes == 0) return true;
        _payload = Share.TryRent(header.DataLengthBytes);
        if (_payload is null) return true;
        _payloadBytes = header.DataLengthBytes;
        destination = _payload.First(_payloadBytes);
        return true;
    }

    public bool EndPdu(PduHeader header, bool dataIntact)
    {
        if (header.Opcode == IscsiOpcode.DataOut) return _dataOut.End(header, dataIntact);
        if (!dataIntact)
        {
            Counters.DigestErrors++;
            Reject(header, RejectReason.DataDigestError);
            if (_arriving is not null) Drop(_arriving);
            DropPayload();
            return true;
        }

        if (header.Opcode == IscsiOpcode.ScsiCommand && !Setup.IsDiscovery) return EndCommand(header);
        return EndRequest(header);
    }

    /// <summary>Refuses a PDU, naming it by its header.</summary>
    public void Reject(PduHeader header, RejectReason reason)
    {
        Counters.Rejects++;
        TargetLog.Rejected(Setup.Logger, Setup.InitiatorName, header.Opcode, reason);
        Span<byte> reject = stackalloc byte[PduHeader.LengthBytes];
        PduWriter.Start(reject, IscsiOpcode.Reject, 0x80, PduHeader.NoTag);
        reject[2] = (byte)reason;
        Window.Open(_tasks.Count, Share.Budget.IsShort);
        PduWriter.SetSequence(reject, TakeStatSn(), Window.ExpCmdSn, Window.MaxCmdSn);
        Sender.Send(reject, header.Bytes);
    }

    /// <summary>A task whose data is complete, or needs none, goes to the device server.</summary>
    public void Submit(IscsiTask task)
    {
        if (task.IsDoomed)
        {
            OnTaskEnded(task);
            return;
        }

        task.IsSubmitted = true;
        bool hadToCome = task.NextTransferRequestSn != 0 || task.NextDataOutSn != 0;
        if (hadToCome) task.Unit?.Times.Add(IoStage.Network, task.NowNanoseconds - task.ArrivedNanoseconds);
        DeviceServer.Submit(task);
    }

    /// <summary>The task has ended: answer it, unless it was taken away.</summary>
    public void OnTaskEnded(IscsiTask task)
    {
        _tasks.Remove(task.InitiatorTaskTag);
        if (!task.IsAborted && !IsClosed)
        {
            Setup.Server.Ended.Add(task);
            _responses.Finish(task);
        }

        List<AbortWait>? waits = task.AbortWaits;
        Release(task);
        if (waits is not null)
            foreach (AbortWait wait in waits) wait.Done();
        if (IsClosed && _tasks.Count == 0) Setup.Connection.OnTasksDrained();
    }

    public void SendDataIn(IscsiTask task, IoBuffer buffer, int lengthBytes, bool isLast) =>
        _responses.SendData(task, buffer, lengthBytes, isLast);

    /// <summary>
    /// Takes a task away. One that still gathers data ends at once, one that the device server has ends
    /// when it may.
    /// </summary>
    public void Abort(IscsiTask task, AbortWait? wait)
    {
        task.IsAborted = true;
        if (wait is not null)
        {
            wait.Add();
            (task.AbortWaits ??= []).Add(wait);
        }

        bool isReceiving = ReferenceEquals(task, _arriving) || ReferenceEquals(task, _dataOut.Current);
        if (!task.IsSubmitted && !isReceiving) OnTaskEnded(task);
        else DeviceServer.EndHeldBack(task);
    }

    /// <summary>The connection has ended: everything under way is aborted and answers go nowhere.</summary>
    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        _arriving = null;
        _dataOut.Current = null;
        DropPayload();
        foreach (IoBuffer buffer in _held.Clear()) Share.Return(buffer);
        Share.Cancel();
        foreach (IscsiTask task in new List<IscsiTask>(_tasks.Values)) Abort(task, null);
    }

    /// <summary>
    /// A command that never came, or was rejected, is aborted: its number counts as received, RFC 7143
    /// §11.6.1. Whoever handles the abort dispatches what waited for it.
    /// </summary>
    /// <param name="cmdSn">Its number.</param>
    /// <param name="abortCmdSn">That of the abort.</param>
    /// <returns>The number is within the window, and below that of the abort.</returns>
    public bool TakeAsReceived(uint cmdSn, uint abortCmdSn)
    {
        CommandPlace place = Window.Classify(cmdSn);
        bool isBefore = unchecked((int)(abortCmdSn - cmdSn)) > 0;
        if (place == CommandPlace.Outside || !isBefore) return false;
        if (place == CommandPlace.Next) Window.Advance();
        else _held.AddAborted(cmdSn);
        return true;
    }

    private bool BeginCommand(PduHeader header, out IoSlice destination)
    {
        destination = default;
        CommandPlace place = header.IsImmediate ? CommandPlace.Next : Window.Classify(header.CmdSn);
        if (place == CommandPlace.Outside || (place == CommandPlace.Ahead && _held.Contains(header.CmdSn)))
        {
            _ignored = true;
            return true;
        }

        bool tooMany = header.IsImmediate &&
            _tasks.Count >= Setup.Options.CommandWindow + MaximumImmediateTasks;
        if (tooMany || _tasks.ContainsKey(header.InitiatorTaskTag) ||
            header.InitiatorTaskTag == PduHeader.NoTag)
        {
            // Its number does not count as received, RFC 7143 §7.3: the initiator sends something else under
            // it, or aborts the task; see TakeAsReceived.
            Reject(header, tooMany ? RejectReason.ImmediateCommandReject : RejectReason.TaskInProgress);
            _ignored = true;
            return true;
        }

        IscsiTask task = _pool.Rent(this, header);
        _tasks.Add(task.InitiatorTaskTag, task);
        _arriving = task;
        destination = _dataOut.Open(task, header);
        return true;
    }

    private bool EndCommand(PduHeader header)
    {
        if (_ignored) return true;
        IscsiTask task = _arriving!;
        _arriving = null;
        Counters.Commands++;
        task.ReceivedBytes = header.DataLengthBytes;
        if (!header.IsImmediate && header.CmdSn != Window.ExpCmdSn)
        {
            _held.Add(header, task, null, 0);
            if (task.IsAborted) OnTaskEnded(task);
            return true;
        }

        if (!header.IsImmediate) Window.Advance();
        Dispatch(task);
        return header.IsImmediate || DispatchHeld();
    }

    private void Dispatch(IscsiTask task)
    {
        if (task.IsAborted)
        {
            OnTaskEnded(task);
            return;
        }

        task.IsDispatched = true;
        _dataOut.Advance(task);
    }

    /// <summary>Everything but SCSI commands and their data.</summary>
    private bool EndRequest(PduHeader header)
    {
        IoBuffer? payload = _payload;
        int payloadBytes = _payloadBytes;
        _payload = null;
        if (payload is null && header.DataLengthBytes > 0)
        {
            Reject(header, RejectReason.ImmediateCommandReject);
            return header.IsImmediate;
        }

        if (!header.IsImmediate && RequestHandler.IsNumbered(header.Opcode))
        {
            CommandPlace place = Window.Classify(header.CmdSn);
            if (place == CommandPlace.Outside ||
                (place == CommandPlace.Ahead && _held.Contains(header.CmdSn)))
            {
                if (payload is not null) Share.Return(payload);
                return true;
            }

            if (place == CommandPlace.Ahead)
            {
                _held.Add(header, null, payload, payloadBytes);
                return true;
            }

            Window.Advance();
            return _requests.Handle(header, payload, payloadBytes) && DispatchHeld();
        }

        return _requests.Handle(header, payload, payloadBytes) && DispatchHeld();
    }

    /// <summary>What came ahead of its turn and whose turn it is now.</summary>
    private bool DispatchHeld()
    {
        while (_held.Count > 0 && _held.TryTake(Window.ExpCmdSn, out HeldRequest? next))
        {
            Window.Advance();
            if (next.Task is not null)
            {
                if (ReferenceEquals(next.Task.Session, this) &&
                    next.Task.CmdSn == next.CmdSn) Dispatch(next.Task);
                continue;
            }

            if (!_requests.Handle(new PduHeader(next.Header), next.Payload, next.PayloadBytes)) return false;
        }

        return true;
    }

    /// <summary>Ends a command that was refused as it came; who aborted it meanwhile is told.</summary>
    private void Drop(IscsiTask task)
    {
        _arriving = null;
        task.IsAborted = true;
        OnTaskEnded(task);
    }

    private void Release(IscsiTask task)
    {
        if (_held.Count > 0) _held.Forget(task);
        task.Recycle();
        _pool.Return(task);
    }

    private void DropPayload()
    {
        if (_payload is not null) Share.Return(_payload);
        _payload = null;
    }
}
