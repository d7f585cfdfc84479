using System.Runtime.CompilerServices;
using System.Text;
using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// One connection to a peer: both sides prove that they know the shared key, then frames go either way, in
/// order, in sealed records. What does not fit ends the connection.
/// </summary>
/// <param name="loop">Its own.</param>
/// <param name="connection">Not used for anything yet.</param>
/// <param name="self">This node's name.</param>
/// <param name="isDialer">This node dialed.</param>
/// <param name="isEncrypting">What follows the proofs is encrypted; both sides must want the same.</param>
internal sealed class PeerConnection(
    ILoop loop, IConnection connection, string self, bool isDialer, bool isEncrypting)
    : ITurnEnd, IDisposable
{
    private const long MaximumQueuedBytes = 64L << 20;
    private const int PiecesAtOnce = 32;
    private const int MaximumNameBytes = 64;

    private readonly RecordWriter _writer = new(loop.Buffers);
    private readonly byte[] _challenge = new byte[ConnectionKeys.ChallengeBytes];
    private RecordReader? _reader;
    private bool _isSending;
    private bool _isDeferred;
    private bool _isClosed;

    /// <summary>Who the other side has proved to be.</summary>
    public string Peer { get; private set; } = "";

    /// <summary>
    /// When a whole record came last, by the loop's clock. Bytes alone do not count: a damaged length would
    /// have the connection wait for a record that never ends.
    /// </summary>
    public long HeardNanoseconds { get; private set; } = loop.NowNanoseconds;

    public bool IsClosed => _isClosed;

    /// <summary>What has yet to be sent.</summary>
    public long QueuedBytes => _writer.QueuedBytes;

    /// <summary>Proves either side to the other.</summary>
    /// <param name="sharedKey">Of all nodes that belong together.</param>
    /// <param name="expected">The peer's name, or null for any.</param>
    /// <returns>Why the connection cannot be used, or null.</returns>
    public async ValueTask<string?> OpenAsync(byte[] sharedKey, string? expected)
    {
        if (loop.Buffers.TryRent(RecordReader.BufferBytes) is not { } buffer)
            return "there is no memory for another connection";
        _reader = new RecordReader(buffer);
        loop.FillRandom(_challenge);
        byte[] name = Encoding.UTF8.GetBytes(self);
        Send(new Frame { Kind = FrameKind.Hello, Level = isEncrypting ? 1 : 0 }, [.. _challenge, .. name]);
        (string? reason, byte[] hello, int level) = await NextAsync(FrameKind.Hello);
        if (reason is not null) return reason;
        int nameBytes = hello.Length - _challenge.Length;
        if (nameBytes is <= 0 or > MaximumNameBytes) return "the peer gives no name";
        string peer = Encoding.UTF8.GetString(hello.AsSpan(_challenge.Length));
        if (expected is not null && peer != expected) return $"it is {peer}, not {expected}";
        if (level != (isEncrypting ? 1 : 0))
            return (isEncrypting
                    ? $"{peer} does not encrypt, and this node does"
                    : $"{peer} encrypts, and this node does not")
                + ": set peer-encryption alike on all nodes";
        byte[] theirs = hello[.._challenge.Length];
        ConnectionKeys keys = isDialer
            ? ConnectionKeys.Derive(sharedKey, isEncrypting, self, _challenge, peer, theirs)
            : ConnectionKeys.Derive(sharedKey, isEncrypting, peer, theirs, self, _challenge);
        _writer.Use(SealOf(isDialer ? keys.FromDialer : keys.FromAcceptor));
        Send(new Frame { Kind = FrameKind.Proof }, isDialer ? keys.DialerProof : keys.AcceptorProof);
        _reader.Use(SealOf(isDialer ? keys.FromAcceptor : keys.FromDialer));
        (reason, byte[] proof, _) = await NextAsync(FrameKind.Proof);
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
            while (TryTake(out Frame frame, out IoSlice payload))
            {
                if (frame.Kind > FrameKind.Ping) handler.OnFrame(Peer, frame, payload);
                if (_isClosed) return "closed";
            }

            if (_reader!.Failure is { } reason) return reason;
            if (!await ReceiveAsync()) return "the connection ended";
        }

        return "closed";
    }

    /// <summary>Queues a frame. A peer that takes nothing for long loses its connection.</summary>
    public void Send(Frame frame, ReadOnlySpan<byte> payload)
    {
        if (_isClosed) return;
        if (_writer.QueuedBytes > MaximumQueuedBytes || !_writer.TryAdd(frame, payload))
        {
            connection.Close();
            return;
        }

        if (_isSending || _isDeferred) return;
        _isDeferred = true;
        loop.Defer(this);
    }

    /// <summary>What was queued in this turn goes out at once.</summary>
    public void OnTurnEnd()
    {
        _isDeferred = false;
        if (!_isSending && !_isClosed) Forward(PumpAsync());
    }

    /// <summary>Ends it; what is queued is lost.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        connection.Close();
        if (!_isSending) _writer.Dispose();
    }

    /// <summary>Gives the receive buffer back; nothing is being received.</summary>
    public void Dispose()
    {
        Close();
        _reader?.Dispose();
        _reader = null;
    }

    private RecordSeal SealOf(byte[] key) => isEncrypting ? new EncryptingSeal(key) : new ChecksumSeal(key);

    private async ValueTask<(string? Reason, byte[] Payload, int Level)> NextAsync(FrameKind kind)
    {
        while (true)
        {
            if (TryTake(out Frame frame, out IoSlice payload))
                return frame.Kind == kind
                    ? (null, payload.Span.ToArray(), frame.Level)
                    : ($"{frame.Kind} came where {kind} was expected", [], 0);
            if (_reader!.Failure is { } reason) return (reason, [], 0);
            if (!await ReceiveAsync()) return ("the peer ended the connection", [], 0);
        }
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<bool> ReceiveAsync()
    {
        int count = await connection.ReceiveAsync(_reader!.Room());
        if (count <= 0) return false;
        _reader.Received(count);
        return true;
    }

    private bool TryTake(out Frame frame, out IoSlice payload)
    {
        if (!_reader!.TryTake(out frame, out payload)) return false;
        HeardNanoseconds = loop.NowNanoseconds;
        return true;
    }

    // What comes while a send is under way gathers for the next one.
    private async ValueTask PumpAsync()
    {
        _isSending = true;
        IoSlice[] pieces = new IoSlice[PiecesAtOnce];
        bool isOut = true;
        while (isOut && !_isClosed && !_writer.IsEmpty)
        {
            int count = _writer.Take(pieces);
            isOut = await connection.SendAsync(pieces.AsSpan(0, count));
            _writer.Sent(count);
        }

        _isSending = false;
        if (!isOut) connection.Close();
        if (_isClosed) _writer.Dispose();
    }

    private static async void Forward(ValueTask work) => await work;
}
