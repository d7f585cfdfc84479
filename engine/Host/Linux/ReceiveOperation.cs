using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>A connection's receive.</summary>
internal sealed class ReceiveOperation(LinuxLoop loop, LinuxConnection connection)
    : AwaitableOperation<int>, IDisposable
{
    private IoVectors? _vectors;
    private IoSlice _memory;
    private bool _isVectored;
    private bool _mayHaveMore;

    public bool IsUnderWay { get; private set; }

    public ValueTask<int> Start(IoSlice into)
    {
        _isVectored = false;
        _memory = into;
        return Start();
    }

    public ValueTask<int> Start(ReadOnlySpan<IoSlice> into)
    {
        _isVectored = true;
        _vectors ??= new IoVectors();
        _vectors.Set(into);
        return Start();
    }

    public override void OnCompletion(int result, uint flags)
    {
        if (result is -Errno.EINTR or -Errno.EAGAIN && !connection.IsClosed && !loop.IsStopping)
        {
            Queue();
            return;
        }

        _mayHaveMore = (flags & RingConstants.CompletionSocketNotEmpty) != 0;
        IsUnderWay = false;
        connection.OnOperationEnded();
        Finish(connection.IsClosed ? 0 : Math.Max(0, result));
    }

    /// <summary>Frees the native memory; no request may be under way.</summary>
    public void Dispose() => _vectors?.Dispose();

    protected override void Recycle()
    {
    }

    private ValueTask<int> Start()
    {
        IsUnderWay = true;
        ValueTask<int> task = Task;
        Queue();
        return task;
    }

    private void Queue()
    {
        // A socket that was left empty is waited for first, instead of tried in vain.
        ushort priority = loop.Ring.IsModern && !_mayHaveMore ? RingConstants.ReceivePollFirst : (ushort)0;
        byte opcode = _isVectored ? RingConstants.OpReceiveMessage : RingConstants.OpReceive;
        nint address = _isVectored ? _vectors!.PrepareHeader() : _memory.Address;
        uint length = _isVectored ? 1 : (uint)_memory.LengthBytes;
        loop.Ring.Queue(this, opcode, connection.File, 0, address, length, 0, priority);
    }
}
