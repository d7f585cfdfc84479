using System.Buffers;
using System.Net;
using Cstor.Engine.Host;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// The server's end of a connection. What is fed arrives in pieces of any size; what is sent gathers until it
/// is read, some sends complete only later.
/// </summary>
internal sealed class FuzzConnection(FuzzLoop loop, Random random) : IConnection
{
    private readonly ArrayBufferWriter<byte> _sent = new();
    private IoSlice[]? _receiving;
    private TaskCompletionSource<int>? _received;
    private TaskCompletionSource<bool>? _sending;

    public IPEndPoint LocalEndPoint => loop.LocalEndPoint;

    public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Parse("10.0.0.2"), 4711);

    public bool IsClosed { get; private set; }

    public ValueTask<int> ReceiveAsync(IoSlice into) => ReceiveAsync([into]);

    public ValueTask<int> ReceiveAsync(ReadOnlySpan<IoSlice> into)
    {
        if (IsClosed) return ValueTask.FromResult(0);
        _receiving = into.ToArray();
        _received = new TaskCompletionSource<int>();
        return new ValueTask<int>(_received.Task);
    }

    public ValueTask<bool> SendAsync(ReadOnlySpan<IoSlice> pieces)
    {
        if (IsClosed) return ValueTask.FromResult(false);
        foreach (IoSlice piece in pieces) _sent.Write(piece.Span);
        if (random.Next(4) > 0) return ValueTask.FromResult(true);
        TaskCompletionSource<bool> later = _sending = new TaskCompletionSource<bool>();
        loop.Post(() => later.TrySetResult(true));
        return new ValueTask<bool>(later.Task);
    }

    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        TaskCompletionSource<int>? received = _received;
        _received = null;
        received?.SetResult(0);
        _sending?.TrySetResult(false);
    }

    /// <summary>Bytes arrive from the initiator; what nobody receives any more is dropped.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            for (int tries = 0; _received is null && !IsClosed && tries < 100; tries++)
                loop.Advance(1_000_000);
            if (_received is not { } received) return;
            int count = random.Next(8) == 0 ? random.Next(1, bytes.Length + 1) : bytes.Length;
            count = Take(bytes[..count]);
            bytes = bytes[count..];
            _received = null;
            received.SetResult(count);
            if (random.Next(2) == 0) loop.Settle();
        }
    }

    /// <summary>What the server has sent since the last call.</summary>
    public byte[] TakeSent()
    {
        byte[] bytes = _sent.WrittenSpan.ToArray();
        _sent.ResetWrittenCount();
        return bytes;
    }

    private int Take(ReadOnlySpan<byte> bytes)
    {
        int taken = 0;
        foreach (IoSlice slice in _receiving!)
        {
            int part = Math.Min(slice.LengthBytes, bytes.Length - taken);
            bytes.Slice(taken, part).CopyTo(slice.Span);
            taken += part;
        }

        return taken;
    }
}
