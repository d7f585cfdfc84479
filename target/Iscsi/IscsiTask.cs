using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.Target.Scsi;

namespace Cstor.Target.Iscsi;

/// <summary>
/// A SCSI command on its way through a session: tags and numbers, the gathering of its data, and the
/// buffers it holds. Pooled per server.
/// </summary>
internal sealed class IscsiTask : ScsiTask, IBufferWaiter, IValueTaskSource<IoBuffer?>
{
    private const int MaximumTransferRequests = 16;

    private readonly TransferRequest[] _requests = new TransferRequest[MaximumTransferRequests];
    private ManualResetValueTaskSourceCore<IoBuffer?> _bufferReady;
    private int _firstRequest;

    public IscsiSession Session { get; set; } = null!;

    public uint InitiatorTaskTag { get; set; }

    public uint CmdSn { get; set; }

    public ulong Lun { get; set; }

    public bool IsRead { get; set; }

    public bool IsImmediate { get; set; }

    /// <summary>The command's turn by CmdSN has come.</summary>
    public bool IsDispatched { get; set; }

    /// <summary>In the device server's hands: ends by <see cref="OnEnded"/>.</summary>
    public bool IsSubmitted { get; set; }

    /// <summary>Unsolicited Data-Out PDUs are still to come.</summary>
    public bool UnsolicitedOpen { get; set; }

    /// <summary>Bytes to gather: what the initiator has and the command takes.</summary>
    public int GatherBytes { get; set; }

    /// <summary>Bytes received in order, those beyond <see cref="GatherBytes"/> included.</summary>
    public long ReceivedBytes { get; set; }

    public uint NextDataOutSn { get; set; }

    /// <summary>Bytes up to which transfers were requested.</summary>
    public int RequestedBytes { get; set; }

    public int OpenRequests { get; private set; }

    public uint NextTransferRequestSn { get; set; }

    public uint NextDataInSn { get; set; }

    /// <summary>
    /// The session's tick when its data was last asked for or came: see <see cref="IscsiSession.Ticks"/>.
    /// </summary>
    public int ProgressTick { get; set; }

    /// <summary>Data is still to come from the initiator.</summary>
    public bool AwaitsData => !IsSubmitted && (UnsolicitedOpen || OpenRequests > 0);

    /// <summary>Bytes sent in Data-In PDUs.</summary>
    public int SentBytes { get; set; }

    /// <summary>Ends with this as soon as its data is in, without being executed.</summary>
    public bool IsDoomed { get; private set; }

    /// <summary>Task management requests that wait for this task's end.</summary>
    public List<AbortWait>? AbortWaits { get; set; }

    public bool HasAllData => !UnsolicitedOpen && (IsDoomed || ReceivedBytes >= GatherBytes);

    int IBufferWaiter.WantedBytes => _wantedBufferBytes;

    private int _wantedBufferBytes;

    /// <summary>The R2T that Data-Out PDUs now answer.</summary>
    public TransferRequest CurrentRequest => _requests[_firstRequest];

    public void Doom(Sense sense)
    {
        if (IsDoomed) return;
        IsDoomed = true;
        Fail(sense);
    }

    public void DoomBusy()
    {
        if (IsDoomed) return;
        IsDoomed = true;
        Status = ScsiStatus.Busy;
    }

    public void AddRequest(TransferRequest request)
    {
        Check.That(OpenRequests < MaximumTransferRequests);
        _requests[(_firstRequest + OpenRequests++) % MaximumTransferRequests] = request;
    }

    public void CloseRequest()
    {
        _firstRequest = (_firstRequest + 1) % MaximumTransferRequests;
        OpenRequests--;
    }

    public override long NowNanoseconds => Session.Setup.Loop.NowNanoseconds;

    public override void OnEnded() => Session.OnTaskEnded(this);

    public override IoBuffer? TryRent(int lengthBytes) => Session.Share.TryRent(lengthBytes);

    public override ValueTask<IoBuffer?> RentAsync(int lengthBytes)
    {
        if (Session.IsClosed) return new ValueTask<IoBuffer?>((IoBuffer?)null);
        IoBuffer? buffer = Session.Share.HasWaiters ? null : TryRent(lengthBytes);
        if (buffer is not null) return new ValueTask<IoBuffer?>(buffer);
        _wantedBufferBytes = lengthBytes;
        _bufferReady.Reset();
        Session.Share.Wait(this);
        return new ValueTask<IoBuffer?>(this, _bufferReady.Version);
    }

    public override void Return(IoBuffer buffer) => Session.Share.Return(buffer);

    public override void SendPart(IoBuffer buffer, int lengthBytes) =>
        Session.SendDataIn(this, buffer, lengthBytes, isLast: false);

    void IBufferWaiter.OnBuffer(IoBuffer? buffer) => _bufferReady.SetResult(buffer);

    IoBuffer? IValueTaskSource<IoBuffer?>.GetResult(short token) => _bufferReady.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<IoBuffer?>.GetStatus(short token) => _bufferReady.GetStatus(token);

    void IValueTaskSource<IoBuffer?>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _bufferReady.OnCompleted(continuation, state, token, flags);

    /// <summary>Gives back what it still holds and clears itself for the pool.</summary>
    public void Recycle()
    {
        if (DataOut is not null) Session.Share.Return(DataOut);
        if (DataIn is not null) Session.Share.Return(DataIn);
        DataOut = null;
        DataIn = null;
        ResetScsi();
        IsRead = false;
        IsImmediate = false;
        IsDispatched = false;
        IsSubmitted = false;
        UnsolicitedOpen = false;
        GatherBytes = 0;
        ReceivedBytes = 0;
        NextDataOutSn = 0;
        RequestedBytes = 0;
        OpenRequests = 0;
        _firstRequest = 0;
        NextTransferRequestSn = 0;
        NextDataInSn = 0;
        SentBytes = 0;
        IsDoomed = false;
        AbortWaits = null;
    }
}
