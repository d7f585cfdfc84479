using System.Buffers.Binary;
using System.Text.Json;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>
/// A connection that carries a stream one way and, at any time, the daemon's verdict: frames of a kind (one
/// byte), a length (four, little-endian) and so many bytes. One reader and one writer at a time.
/// </summary>
internal sealed class StreamFrames(Stream connection)
{
    /// <summary>Data in one frame at most.</summary>
    public const int DataMaximumBytes = 512 * 1024;

    private const int HeaderBytes = 5;
    private const int VerdictMaximumBytes = 64 * 1024;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private readonly byte[] _outgoing = new byte[HeaderBytes + DataMaximumBytes];
    private readonly byte[] _header = new byte[HeaderBytes];
    private int _dataLeft;

    /// <summary>Where the data of the next frame is put.</summary>
    public Memory<byte> Room => _outgoing.AsMemory(HeaderBytes);

    /// <summary>The kind of the frame that ended the data; none if the connection ended.</summary>
    public StreamFrameKind Last { get; private set; }

    /// <summary>What that frame held.</summary>
    public byte[] LastBytes { get; private set; } = [];

    /// <summary>Sends what was put into <see cref="Room"/>.</summary>
    public async Task WriteAsync(StreamFrameKind kind, int bytes, CancellationToken cancel = default)
    {
        _outgoing[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(_outgoing.AsSpan(1), bytes);
        await connection.WriteAsync(_outgoing.AsMemory(0, HeaderBytes + bytes), cancel);
        await connection.FlushAsync(cancel);
    }

    /// <summary>Takes data out of the frames.</summary>
    /// <returns>How many bytes; 0 when a frame of another kind came, or the connection ended.</returns>
    public async Task<int> ReadAsync(Memory<byte> into, CancellationToken cancel = default)
    {
        while (_dataLeft == 0)
        {
            int came = await connection.ReadAtLeastAsync(_header, HeaderBytes, false, cancel);
            if (came < HeaderBytes) return 0;
            StreamFrameKind kind = (StreamFrameKind)_header[0];
            int bytes = BinaryPrimitives.ReadInt32LittleEndian(_header.AsSpan(1));
            bool isData = kind == StreamFrameKind.Data;
            if (bytes < 0 || bytes > (isData ? DataMaximumBytes : VerdictMaximumBytes)) return 0;
            if (isData)
            {
                _dataLeft = bytes;
                continue;
            }
            byte[] last = new byte[bytes];
            if (await connection.ReadAtLeastAsync(last, bytes, false, cancel) < bytes) return 0;
            LastBytes = last;
            Last = kind;
            return 0;
        }
        int taken = await connection.ReadAsync(into[..Math.Min(into.Length, _dataLeft)], cancel);
        _dataLeft -= taken;
        return taken;
    }

    /// <summary>The daemon's last word; then waits a moment, so that the other side can read it.</summary>
    public async Task FinishAsync(Outcome<ActionReport> outcome)
    {
        byte[] verdict = outcome.IsOk
            ? JsonSerializer.SerializeToUtf8Bytes(outcome.Value, ReplyJson.Default.ActionReport)
            : JsonSerializer.SerializeToUtf8Bytes(Problem.Of(outcome.Fault), ReplyJson.Default.Problem);
        verdict.CopyTo(Room);
        await WriteAsync(outcome.IsOk ? StreamFrameKind.Done : StreamFrameKind.Refused, verdict.Length);
        using CancellationTokenSource patience = new(Farewell);
        byte[] rest = new byte[HeaderBytes];
        while (await connection.ReadAsync(rest, patience.Token) > 0)
        {
        }
    }

    /// <summary>What the daemon said at last.</summary>
    public Outcome<ActionReport> Verdict()
    {
        try
        {
            if (Last == StreamFrameKind.Done
                && JsonSerializer.Deserialize(LastBytes, ReplyJson.Default.ActionReport) is { } report)
            {
                return report;
            }
            if (Last == StreamFrameKind.Refused
                && JsonSerializer.Deserialize(LastBytes, ReplyJson.Default.Problem) is { } problem)
            {
                return problem.ToFault();
            }
        }
        catch (JsonException)
        {
        }
        return new Fault(
            "stream-broken",
            "the daemon broke the transfer off",
            "See whether it runs; what has arrived is kept: cstor volume status of the receiving volume");
    }
}
