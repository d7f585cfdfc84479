using System.Security.Cryptography;
using System.Text;
using System.Runtime.InteropServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// One connection to a peer: both sides prove that they know the shared key, then frames go either way, in
/// order, each sealed. What does not fit ends the connection; a frame is handed on only after its seal held.
/// </summary>
internal sealed class PeerConnection(ILoop loop, IConnection connection, string self, bool isDialer)
    : IDisposable
{
    private const int ReceiveBytes = 2 * (Frame.Bytes + Frame.MaximumPayloadBytes);
    private const long MaximumQueuedBytes = 64L << 20;
    private const int PiecesAtOnce = 32;
    private const int MaximumNameBytes = 64;

    private readonly Queue<(IoBuffer Buffer, int Bytes)> _queue = [];
    private readonly byte[] _challenge = new byte[ConnectionKeys.ChallengeBytes];
    private IoBuffer? _buffer;
    private int _start;
    private int _end;
    private AesGcm? _sendKey;
    private AesGcm? _receiveKey;
    private ulong _sendSequence;
    private ulong _receiveSequence;
    private long _queuedBytes;
    private bool _isSending;
    private bool _isClosed;

    /// <summary>Who the other side has proved to be.</summary>
    public string Peer { get; private set; } = "";

    /// <summary>
    /// When a whole frame came last, by the loop's clock. Bytes alone do not count: a damaged length would
    /// have the connection wait for a frame that never ends.
    /// </summary>
    public long HeardNanoseconds { get; private set; } = loop.NowNanoseconds;

    public bool IsClosed => _isClosed;

    /// <summary>Proves either side to the other.</summary>
    /// <param name="sharedKey">Of all nodes that belong together.</param>
    /// <param name="expected">The peer's name, or null for any.</param>
    /// <returns>Why the connection cannot be used, or null.</returns>
    public async ValueTask<string?> OpenAsync(byte[] sharedKey, string? expected)
    {
        _buffer = loop.Buffers.TryRent(ReceiveBytes);
        if (_buffer is null) return "there is no memory for another connection";
        loop.FillRandom(_challenge);
        byte[] name = Encoding.UTF8.GetBytes(self);
        Send(new Frame { Kind = FrameKind.Hello }, [.. _challenge, .. name]);
        (string? reason, byte[] hello) = await NextAsync(FrameKind.Hello);
        if (reason is not null) return reason;
        int nameBytes = hello.Length - _challenge.Length;
        if (nameBytes is <= 0 or > MaximumNameBytes) return "the peer gives no name";
        string peer = Encoding.UTF8.GetString(hello.AsSpan(_challenge.Length));
        if (expected is not null && peer != expected) return $"it is {peer}, not {expected}";
        byte[] theirs = hello[.._challenge.Length];
        ConnectionKeys keys = isDialer
            ? ConnectionKeys.Derive(sharedKey, self, _challenge, peer, theirs)
            : ConnectionKeys.Derive(sharedKey, peer, theirs, self, _challenge);
        _sendKey = new AesGcm(isDialer ? keys.FromDialer : keys.FromAcceptor, Frame.SealBytes);
        Send(new Frame { Kind = FrameKind.Proof }, isDialer ? keys.DialerProof : keys.AcceptorProof);
        _receiveKey = new AesGcm(isDialer ? keys.FromAcceptor : keys.FromDialer, Frame.SealBytes);
        (reason, byte[] proof) = await NextAsync(FrameKind.Proof);
        if (reason is not null) return reason;
        byte[] right = isDialer ? keys.AcceptorProof : keys.DialerProof;
        if (!ConnectionKeys.Same(proof, right)) return $"{peer} does not know the shared key";
        Peer = peer;
        return null;
    }

    /// <summary>Hands frames on until the connection ends.</summary>
    /// <returns>Why it ended.</returns>
    public async ValueTask<string> RunAsync(IFrameHandler handler)
    {
        while (!_isClosed)
        {
            while (TryTake(out Frame frame, out IoSlice payload, out string? reason))
            {
                if (frame.Kind > FrameKind.Ping) handler.OnFrame(Peer, frame, payload);
                if (_isClosed) return "closed";
            }

            if (Failure is not null) return Failure;
            if (!await ReceiveAsync()) return "the connection ended";
        }

        return "closed";
    }

    /// <summary>Queues a frame. A peer that takes nothing for long loses its connection.</summary>
    public void Send(Frame frame, ReadOnlySpan<byte> payload)
    {
        if (_isClosed) return;
        int bytes = Frame.Bytes + payload.Length;
        IoBuffer? buffer = loop.Buffers.TryRent(bytes);
        if (buffer is null || _queuedBytes + bytes > MaximumQueuedBytes)
        {
            buffer?.Release();
            connection.Close();
            return;
        }

        frame.Sequence = _sendSequence++;
        frame.Write(buffer.Span, payload, _sendKey);
        _queue.Enqueue((buffer, bytes));
        _queuedBytes += bytes;
        if (!_isSending) Forward(PumpAsync());
    }

    /// <summary>Ends it; what is queued is lost.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        connection.Close();
        while (!_isSending && _queue.TryDequeue(out (IoBuffer Buffer, int Bytes) queued))
            queued.Buffer.Release();
    }

    /// <summary>Gives the receive buffer back; nothing is being received.</summary>
    public void Dispose()
    {
        Close();
        _buffer?.Release();
        _buffer = null;
        _sendKey?.Dispose();
        _receiveKey?.Dispose();
    }

    private string? Failure { get; set; }

    private async ValueTask<(string? Reason, byte[] Payload)> NextAsync(FrameKind kind)
    {
        while (true)
        {
            if (TryTake(out Frame frame, out IoSlice payload, out string? reason))
                return frame.Kind == kind
                    ? (null, payload.Span.ToArray())
                    : ($"{frame.Kind} came where {kind} was expected", []);
            if (reason is not null) return (reason, []);
            if (!await ReceiveAsync()) return ("the peer ended the connection", []);
        }
    }

    private async ValueTask<bool> ReceiveAsync()
    {
        IoBuffer buffer = _buffer!;
        if (_start > 0)
        {
            buffer.Span[_start.._end].CopyTo(buffer.Span);
            _end -= _start;
            _start = 0;
        }

        int count = await connection.ReceiveAsync(buffer.Slice.Slice(_end, ReceiveBytes - _end));
        if (count <= 0) return false;
        _end += count;
        return true;
    }

    // The next whole frame, if one is there and right.
    private bool TryTake(out Frame frame, out IoSlice payload, out string? reason)
    {
        payload = default;
        frame = default;
        reason = Failure;
        if (reason is not null || _end - _start < Frame.Bytes) return false;
        frame = MemoryMarshal.Read<Frame>(_buffer!.Span[_start..]);
        reason = frame.Validate();
        if (reason is null)
        {
            int bytes = Frame.Bytes + frame.PayloadBytes;
            if (_end - _start < bytes) return false;
            Span<byte> whole = _buffer.Span.Slice(_start, bytes);
            if (!Frame.TryOpen(whole, _receiveKey)) reason = "a frame is damaged, or the key is another";
            else if (frame.Sequence != _receiveSequence) reason = "a frame is missing or came twice";
            payload = _buffer.Slice.Slice(_start + Frame.Bytes, frame.PayloadBytes);
            _start += bytes;
            _receiveSequence++;
            HeardNanoseconds = loop.NowNanoseconds;
        }

        Failure = reason;
        return reason is null;
    }

    private async ValueTask PumpAsync()
    {
        _isSending = true;
        IoSlice[] pieces = new IoSlice[PiecesAtOnce];
        while (_queue.Count > 0 && !_isClosed)
        {
            int count = 0;
            foreach ((IoBuffer buffer, int bytes) in _queue)
            {
                pieces[count++] = buffer.First(bytes);
                if (count == PiecesAtOnce) break;
            }

            bool isOut = await connection.SendAsync(pieces.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                (IoBuffer buffer, int bytes) = _queue.Dequeue();
                _queuedBytes -= bytes;
                buffer.Release();
            }

            if (!isOut) break;
        }

        _isSending = false;
        if (_isClosed || _queue.Count > 0)
        {
            connection.Close();
            while (_queue.TryDequeue(out (IoBuffer Buffer, int Bytes) queued)) queued.Buffer.Release();
        }
    }

    private static async void Forward(ValueTask work) => await work;
}
