using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation.Initiators;

/// <summary>
/// PDUs over one connection: one send at a time with all that waits, receives of any length.
/// </summary>
internal sealed class IscsiWire(SimulatedLoop loop, IConnection connection)
{
    private const int BufferBytes = 1024 * 1024;

    private readonly Queue<byte[]> _outgoing = new();
    private readonly List<byte> _arrived = [];
    private bool _isSending;

    public bool HeaderDigest { get; set; }

    public bool DataDigest { get; set; }

    public bool IsBroken { get; private set; }

    public void Close()
    {
        IsBroken = true;
        connection.Close();
    }

    public void Send(IscsiMessage message)
    {
        _outgoing.Enqueue(message.ToBytes(HeaderDigest, DataDigest));
        if (!_isSending) _ = SendAllAsync();
    }

    /// <summary>The next PDU, or null when the connection is over or a digest is wrong.</summary>
    public async Task<IscsiMessage?> ReceiveAsync()
    {
        int headBytes = IscsiMessage.HeaderBytes + (HeaderDigest ? 4 : 0);
        if (!await FillAsync(headBytes)) return null;
        byte[] header = [.. _arrived.Take(IscsiMessage.HeaderBytes)];
        if (HeaderDigest && !IsDigestRight(0, IscsiMessage.HeaderBytes)) return null;
        int dataBytes = IscsiMessage.DataBytes(header);
        int tailBytes = IscsiMessage.TailBytes(header, DataDigest);
        if (!await FillAsync(headBytes + tailBytes)) return null;
        int paddedBytes = dataBytes + (-dataBytes & 3);
        if (DataDigest && dataBytes > 0 && !IsDigestRight(headBytes, paddedBytes)) return null;
        IscsiMessage message = new(header, Piece(headBytes, dataBytes));
        _arrived.RemoveRange(0, headBytes + tailBytes);
        return message;
    }

    private bool IsDigestRight(int start, int count) =>
        IscsiMessage.IsDigestRight(Piece(start, count), Piece(start + count, 4));

    private byte[] Piece(int start, int count) => [.. _arrived.GetRange(start, count)];

    private async Task<bool> FillAsync(int wantedBytes)
    {
        while (_arrived.Count < wantedBytes)
        {
            IoBuffer buffer = loop.Buffers.Rent(BufferBytes);
            int count = IsBroken ? 0 : await connection.ReceiveAsync(buffer.First(BufferBytes));
            _arrived.AddRange(buffer.Span[..count]);
            buffer.Release();
            if (count > 0) continue;
            IsBroken = true;
            return false;
        }

        return true;
    }

    private async Task SendAllAsync()
    {
        _isSending = true;
        while (_outgoing.Count > 0 && !IsBroken)
        {
            byte[] bytes = _outgoing.Dequeue();
            for (int at = 0; at < bytes.Length && !IsBroken; at += BufferBytes)
            {
                int count = Math.Min(BufferBytes, bytes.Length - at);
                IoBuffer buffer = loop.Buffers.Rent(count);
                bytes.AsSpan(at, count).CopyTo(buffer.Span);
                if (!await connection.SendAsync([buffer.First(count)])) IsBroken = true;
                buffer.Release();
            }
        }

        _isSending = false;
    }
}
