using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Target.Scsi;

/// <summary>
/// One command as the device server sees it: CDB, data from the initiator, and what became of it. Pooled by
/// the transport, which derives from it; awaiting the volume allocates nothing.
/// </summary>
internal abstract class ScsiTask : IValueTaskSource
{
    private readonly Action _onVolume;
    private ManualResetValueTaskSourceCore<bool> _volumeDone;
    private ValueTaskAwaiter<IoStatus> _volumeAwaiter;
    private Func<ScsiTask, ValueTask<IoStatus>>? _afterTimeout;

    private readonly Action _onHandler;
    private ValueTaskAwaiter _handlerAwaiter;

    protected ScsiTask()
    {
        _onVolume = OnVolume;
        _onHandler = OnHandler;
    }

    public byte[] Cdb { get; } = new byte[16];

    public LogicalUnit? Unit { get; set; }

    public Nexus Nexus { get; set; } = null!;

    public TaskAttribute Attribute { get; set; }

    /// <summary>The row of the command table, or null for an unknown opcode.</summary>
    public CommandDescriptor? Command { get; set; }

    public ulong Lba { get; set; }

    public uint Blocks { get; set; }

    /// <summary>Bytes the initiator expects to be sent; 0 unless it reads.</summary>
    public long ExpectedInBytes { get; set; }

    /// <summary>Bytes the initiator means to send; 0 unless it writes.</summary>
    public long ExpectedOutBytes { get; set; }

    /// <summary>
    /// Bytes the command itself transfers, whichever direction: the base of the residual.
    /// </summary>
    public long WantedBytes { get; set; }

    public IoBuffer? DataOut { get; set; }

    public int DataOutBytes { get; set; }

    /// <summary>Data to send with the status: last part of a read, or parameter data.</summary>
    public IoBuffer? DataIn { get; set; }

    public int DataInBytes { get; set; }

    public ScsiStatus Status { get; set; }

    public Sense Sense { get; set; }

    /// <summary>
    /// Taken away by task management or the end of its session: nobody is told the result.
    /// </summary>
    public bool IsAborted { get; set; }

    /// <summary>When the command came, on the loop's clock.</summary>
    public long ArrivedNanoseconds { get; set; }

    /// <summary>Since when it stands in line; 0 if it never did.</summary>
    public long QueuedNanoseconds { get; set; }

    /// <summary>Since when its unit's limits hold it back; 0 if they never did.</summary>
    public long LimitedNanoseconds { get; set; }

    /// <summary>Reservations of a volume that other nodes serve too, by which it was let in.</summary>
    public string? AdmittedUnder { get; set; }

    /// <summary>Since when other volumes' turns come first; 0 if they never did.</summary>
    public long SharedNanoseconds { get; set; }

    /// <summary>What it counts for among the commands under way in its pool; 0 while it does not.</summary>
    public long SharedBytes { get; set; }

    /// <summary>The loop's clock.</summary>
    public abstract long NowNanoseconds { get; }

    /// <summary>Place in the unit's sets; kept by them.</summary>
    public TaskPlace Place { get; } = new();

    public ReadOnlySpan<byte> DataOutSpan =>
        DataOut is null ? default : DataOut.Span[..DataOutBytes];

    public void Good() => Status = ScsiStatus.Good;

    public void Fail(Sense sense)
    {
        // On another path it may lie within the volume, and an initiator would not try that any more.
        if (sense.IsLbaOutOfRange && Unit is { Volume.IsSizeKnown: false })
        {
            Status = ScsiStatus.Busy;
            return;
        }

        Status = ScsiStatus.CheckCondition;
        Sense = sense;
    }

    /// <summary>Fails on a field of the CDB.</summary>
    public void FailCdb(int fieldByte, int bit = -1) => Fail(Sense.InvalidFieldInCdb(fieldByte, bit));

    public void Settle(IoStatus status)
    {
        if (status == IoStatus.Ok)
        {
            Status = ScsiStatus.Good;
            return;
        }

        (Status, Sense) = SenseMap.For(status, Command!.Is(CommandFlags.Writes));
    }

    /// <summary>Ends the command with what the volume answers, now or later.</summary>
    /// <param name="pending">The volume's answer.</param>
    /// <param name="afterTimeout">What to do instead if that is DeviceTimeout, or null.</param>
    public ValueTask EndWith(
        ValueTask<IoStatus> pending, Func<ScsiTask, ValueTask<IoStatus>>? afterTimeout = null)
    {
        Watch(pending);
        _afterTimeout = afterTimeout;
        if (_volumeAwaiter.IsCompleted && TakeAnswer()) return default;

        _volumeDone.Reset();
        _volumeAwaiter.UnsafeOnCompleted(_onVolume);
        return new ValueTask(this, _volumeDone.Version);
    }

    /// <summary>A cleared buffer for parameter data; BUSY when there is none.</summary>
    public bool TryAnswer(int capacityBytes, out Span<byte> data)
    {
        Check.That(DataIn is null);
        DataIn = TryRent(capacityBytes);
        data = default;
        if (DataIn is null)
        {
            Status = ScsiStatus.Busy;
            return false;
        }

        data = DataIn.Span[..capacityBytes];
        data.Clear();
        return true;
    }

    /// <summary>Parameter data is complete; the allocation length cuts it.</summary>
    public void EndAnswer(int actualBytes, long allocationBytes)
    {
        WantedBytes = Math.Min(actualBytes, allocationBytes);
        DataInBytes = (int)WantedBytes;
        Status = ScsiStatus.Good;
    }

    /// <summary>Goes on to <see cref="DeviceServer.End"/> when the handler is done.</summary>
    public void Await(ValueTask handler)
    {
        _handlerAwaiter = handler.GetAwaiter();
        if (_handlerAwaiter.IsCompleted) OnHandler();
        else _handlerAwaiter.UnsafeOnCompleted(_onHandler);
    }

    /// <summary>
    /// The command has ended and left the unit's sets: the transport answers, or drops it when aborted.
    /// </summary>
    public abstract void OnEnded();

    /// <summary>A buffer of this session's share, or null when there is none now.</summary>
    public abstract IoBuffer? TryRent(int lengthBytes);

    /// <summary>A buffer, waiting in line for it; null when the session ended meanwhile.</summary>
    public abstract ValueTask<IoBuffer?> RentAsync(int lengthBytes);

    public abstract void Return(IoBuffer buffer);

    /// <summary>Sends a part of a long read ahead of the last; takes over the buffer.</summary>
    public abstract void SendPart(IoBuffer buffer, int lengthBytes);

    void IValueTaskSource.GetResult(short token) => _volumeDone.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _volumeDone.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _volumeDone.OnCompleted(continuation, state, token, flags);

    protected void ResetScsi()
    {
        Unit = null;
        Command = null;
        ExpectedInBytes = 0;
        ExpectedOutBytes = 0;
        WantedBytes = 0;
        DataOutBytes = 0;
        DataInBytes = 0;
        Status = ScsiStatus.Good;
        Sense = default;
        IsAborted = false;
        ArrivedNanoseconds = 0;
        QueuedNanoseconds = 0;
        LimitedNanoseconds = 0;
        SharedNanoseconds = 0;
        AdmittedUnder = null;
        SharedBytes = 0;
        Place.Reset();
    }

    private void OnHandler()
    {
        _handlerAwaiter.GetResult();
        DeviceServer.End(this);
    }

    private void OnVolume()
    {
        if (TakeAnswer()) _volumeDone.SetResult(true);
        else _volumeAwaiter.UnsafeOnCompleted(_onVolume);
    }

    private void Watch(ValueTask<IoStatus> pending) => _volumeAwaiter = pending.GetAwaiter();

    /// <returns>False if another answer is to be awaited.</returns>
    private bool TakeAnswer()
    {
        IoStatus status = _volumeAwaiter.GetResult();
        if (status == IoStatus.DeviceTimeout && _afterTimeout is { } afterTimeout)
        {
            _afterTimeout = null;
            Watch(afterTimeout(this));
            if (!_volumeAwaiter.IsCompleted) return false;
            status = _volumeAwaiter.GetResult();
        }

        Settle(status);
        return true;
    }
}
