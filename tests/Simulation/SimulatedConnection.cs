// One end of a simulated TCP connection: a byte stream in order, cut into chunks at any byte, with a bounded
// window, so that receives come up short and sends wait. Chunks cross the link one after the other; on a cut
// link the first is tried again and again until the link heals or the connection breaks.
using System.Net;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

internal sealed class SimulatedConnection : IConnection
{
    private readonly Queue<(long DueNanoseconds, byte[]? Bytes)> _wire = new();
    private readonly Queue<byte[]> _inbox = new();
    private readonly int _windowBytes;
    private readonly SimulatedRandom _random;
    private int _inboxStart;
    private int _inboxBytes;
    private int _unconsumedBytes;
    private bool _isWireBusy;
    private long _heldSince = -1;
    private bool _isProbing;
    private long _unansweredSince = -1;
    private bool _isClosed;
    private bool _isBroken;
    private bool _isEnded;
    private IoSlice[]? _sending;
    private int _sentBytes;
    private SimulatedCompletion<bool>? _sendCompletion;
    private IoSlice[]? _receiving;
    private SimulatedCompletion<int>? _receiveCompletion;

    public SimulatedConnection(SimulatedLoop loop, IPEndPoint local, IPEndPoint remote)
    {
        Loop = loop;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        _random = SimulatedRandom.For(loop.Machine.Schedule.Next(), "connection");
        _windowBytes = _random.Below(4) switch { 0 => 4096, 1 => 65_536, 2 => 262_144, _ => 2_097_152 };
        Peer = this;
    }

    public SimulatedLoop Loop { get; }

    public SimulatedConnection Peer { get; private set; }

    public IPEndPoint LocalEndPoint { get; }

    public IPEndPoint RemoteEndPoint { get; }

    private SimulatedMachine Machine => Loop.Machine;

    // Without power: it neither takes nor refuses anything.
    private bool IsPeerSilent => Peer.Loop.IsDead && !Peer.Loop.Node.IsUp && !Peer._isClosed;

    private bool IsOver => _isClosed || _isBroken;

    public void JoinTo(SimulatedConnection peer) => Peer = peer;

    public ValueTask<int> ReceiveAsync(IoSlice into) => ReceiveAsync([into]);

    public ValueTask<int> ReceiveAsync(ReadOnlySpan<IoSlice> into)
    {
        Loop.CheckIsCurrent();
        Check.That(_receiveCompletion is null);
        if (IsOver) return ValueTask.FromResult(0);
        _receiving = into.ToArray();
        foreach (IoSlice slice in _receiving) Check.That(slice.LengthBytes > 0);
        SimulatedCompletion<int> completion = _receiveCompletion = new SimulatedCompletion<int>();
        if (_inboxBytes > 0 || _isEnded) ScheduleReceive();
        return completion.Task;
    }

    public ValueTask<bool> SendAsync(ReadOnlySpan<IoSlice> pieces)
    {
        Loop.CheckIsCurrent();
        Check.That(_sendCompletion is null);
        if (IsOver) return ValueTask.FromResult(false);
        _sending = pieces.ToArray();
        _sentBytes = 0;
        SimulatedCompletion<bool> completion = _sendCompletion = new SimulatedCompletion<bool>();
        PumpSend();
        return completion.Task;
    }

    public void Close()
    {
        Loop.CheckIsCurrent();
        EndByKernel();
        ScheduleReceive();
        ScheduleSent();
    }

    /// <summary>What is sent arrives, then the end: as on close, or when the process was killed.</summary>
    public void EndByKernel()
    {
        if (IsOver) return;
        _isClosed = true;
        if (_inboxBytes > 0)
            Peer.Break();
        else
            Put(null);
        Machine.Links.Remove(this);
    }

    /// <summary>A reset, at both ends.</summary>
    public void Break()
    {
        BreakHere();
        Peer.BreakHere();
    }

    private void BreakHere()
    {
        if (IsOver) return;
        _isBroken = true;
        _wire.Clear();
        Machine.Links.Remove(this);
        ScheduleReceive();
        ScheduleSent();
    }

    private void PumpSend()
    {
        if (_sending is null || IsOver) return;
        int totalBytes = _sending.Sum(slice => slice.LengthBytes);
        while (_sentBytes < totalBytes && _unconsumedBytes < _windowBytes)
        {
            int room = Math.Min(totalBytes - _sentBytes, _windowBytes - _unconsumedBytes);
            byte[] chunk = new byte[Math.Min(room, ChunkBytes())];
            Gather(_sending, _sentBytes, chunk);
            _sentBytes += chunk.Length;
            _unconsumedBytes += chunk.Length;
            Put(chunk);
        }

        if (_sentBytes == totalBytes)
            ScheduleSent();
        else
            ScheduleProbe();
    }

    // A full window is probed, so that a sender notices a peer that forgot the connection or went away.
    private void ScheduleProbe()
    {
        if (_isProbing) return;
        _isProbing = true;
        Machine.At(Machine.Latency(500_000_000, 1_000_000_000), null, "probe", Probe);
    }

    private void Probe()
    {
        _isProbing = false;
        if (IsOver || Loop.IsDead || _sending is null || _unconsumedBytes < _windowBytes) return;
        SimulatedLinks links = Machine.Links;
        bool isAnswered = !IsPeerSilent && links.CanPass(Loop.Node, Peer.Loop.Node)
            && links.CanPass(Peer.Loop.Node, Loop.Node);
        if (isAnswered || _unansweredSince < 0) _unansweredSince = isAnswered ? -1 : Machine.NowNanoseconds;
        bool isForgotten = isAnswered && (Peer.IsOver || Peer.Loop.IsDead);
        long silence = isAnswered ? 0 : Machine.NowNanoseconds - _unansweredSince;
        bool isTooLong = silence > links.BreakAfterNanoseconds;
        if (isForgotten || isTooLong)
            BreakHere();
        else
            ScheduleProbe();
    }

    private int ChunkBytes() => _random.Below(8) switch
    {
        0 => _random.Between(1, 47),
        1 => _random.Between(48, 1460),
        2 => 1460,
        3 => _random.Between(1461, 9000),
        _ => _random.Between(9001, 262_144),
    };

    private static void Gather(IoSlice[] slices, int skipBytes, Span<byte> into)
    {
        foreach (IoSlice slice in slices)
        {
            if (into.IsEmpty) return;
            if (skipBytes >= slice.LengthBytes)
            {
                skipBytes -= slice.LengthBytes;
                continue;
            }

            int count = Math.Min(slice.LengthBytes - skipBytes, into.Length);
            slice.Span.Slice(skipBytes, count).CopyTo(into);
            into = into[count..];
            skipBytes = 0;
        }
    }

    // Null is the end of the stream.
    private void Put(byte[]? chunk)
    {
        if (chunk is not null && Machine.Schedule.Chance(Machine.Links.Damage))
            chunk[_random.Below(chunk.Length)] ^= (byte)(1 << _random.Below(8));
        _wire.Enqueue((Machine.NowNanoseconds + Machine.Links.Latency(Loop.Node, Peer.Loop.Node), chunk));
        PumpWire();
    }

    private void PumpWire()
    {
        if (_isWireBusy || _wire.Count == 0) return;
        _isWireBusy = true;
        long wait = Math.Max(0, _wire.Peek().DueNanoseconds - Machine.NowNanoseconds);
        Machine.At(wait, null, "wire", TryDeliver);
    }

    private void TryDeliver()
    {
        _isWireBusy = false;
        if (_wire.Count == 0) return;
        bool isForgotten = Peer.IsOver || Peer.Loop.IsDead;
        bool isMute = isForgotten && !Machine.Links.CanPass(Peer.Loop.Node, Loop.Node);
        if (IsPeerSilent || isMute || !Machine.Links.CanPass(Loop.Node, Peer.Loop.Node))
        {
            if (_heldSince < 0) _heldSince = Machine.NowNanoseconds;
            if (Machine.NowNanoseconds - _heldSince > Machine.Links.BreakAfterNanoseconds)
            {
                BreakHere();
                return;
            }

            _isWireBusy = true;
            Machine.At(Machine.Latency(200_000_000, 1_000_000_000), null, "retransmit", TryDeliver);
            return;
        }

        _heldSince = -1;
        byte[]? chunk = _wire.Dequeue().Bytes;
        PumpWire();
        Peer.Arrive(chunk);
    }

    private void Arrive(byte[]? chunk)
    {
        if (IsOver || Loop.IsDead)
        {
            if (chunk is not null && Machine.Links.CanPass(Loop.Node, Peer.Loop.Node)) Peer.BreakHere();
            return;
        }

        if (chunk is null)
        {
            _isEnded = true;
        }
        else
        {
            Machine.Trace(SimulatedRandom.HashOf(chunk));
            _inbox.Enqueue(chunk);
            _inboxBytes += chunk.Length;
        }

        ScheduleReceive();
    }

    private void ScheduleReceive()
    {
        if (_receiveCompletion is not { } completion) return;
        Machine.At(Machine.Latency(0, 12_000), Loop, "received", () =>
        {
            if (_receiveCompletion != completion) return;
            int count = IsOver ? 0 : Take();
            _receiveCompletion = null;
            completion.Complete(count);
        });
    }

    private int Take()
    {
        int count = 0;
        foreach (IoSlice slice in _receiving!)
        {
            Span<byte> into = slice.Span;
            while (!into.IsEmpty && _inbox.TryPeek(out byte[]? chunk))
            {
                int part = Math.Min(into.Length, chunk.Length - _inboxStart);
                chunk.AsSpan(_inboxStart, part).CopyTo(into);
                into = into[part..];
                count += part;
                _inboxStart += part;
                if (_inboxStart < chunk.Length) continue;
                _inbox.Dequeue();
                _inboxStart = 0;
                if (_random.Below(16) == 0) break;
            }

            if (!into.IsEmpty) break;
        }

        Check.That(count > 0 || _isEnded);
        _inboxBytes -= count;
        if (count > 0) Acknowledge(count);
        return count;
    }

    private void Acknowledge(int count)
    {
        long since = Machine.NowNanoseconds;
        long delay = Machine.Links.Latency(Loop.Node, Peer.Loop.Node);
        Machine.At(delay, null, "window", () => TryAcknowledge(count, since));
    }

    // What stays unacknowledged too long breaks the sender's end, though it did arrive.
    private void TryAcknowledge(int count, long since)
    {
        if (!Machine.Links.CanPass(Loop.Node, Peer.Loop.Node) && !Peer.IsOver)
        {
            if (Machine.NowNanoseconds - since > Machine.Links.BreakAfterNanoseconds)
            {
                Peer.BreakHere();
                return;
            }

            long again = Machine.Latency(200_000_000, 1_000_000_000);
            Machine.At(again, null, "window", () => TryAcknowledge(count, since));
            return;
        }

        Peer._unconsumedBytes -= count;
        Peer.PumpSend();
    }

    private void ScheduleSent()
    {
        if (_sendCompletion is not { } completion) return;
        Machine.At(Machine.Latency(0, 12_000), Loop, "sent", () =>
        {
            if (_sendCompletion != completion) return;
            bool isOut = !IsOver || (!_isBroken && _sentBytes == _sending!.Sum(slice => slice.LengthBytes));
            _sendCompletion = null;
            _sending = null;
            completion.Complete(isOut);
        });
    }
}
