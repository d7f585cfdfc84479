// An iSCSI initiator that behaves, over the simulated network: logs in with keys drawn from the seed, keeps
// many commands under way within the target's window, sends immediate, unsolicited and solicited data, and
// answers the target's pings. It is a block volume, so that the workload and the oracle drive a whole node
// through its wire as they drive a pool. When the connection breaks, whatever was under way ends as aborted:
// done or not, nobody knows.
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Simulation.Initiators;

internal sealed class SimulatedInitiator : IBlockVolume
{
    private const int SectorBytes = 512;
    private const int Good = 0;
    private const int Busy = 0x08;
    private const int TaskSetFull = 0x28;
    private const int UnitAttention = 6;
    private const long RetryNanoseconds = 2_000_000;

    private readonly SimulatedLoop _loop;
    private readonly IscsiWire _wire;
    private readonly InitiatorKeys _keys;
    private readonly Dictionary<uint, InitiatorTask> _tasks = [];
    private readonly Queue<SimulatedCompletion<bool>> _waitingForWindow = new();
    private int _targetMaxRecvBytes = 8192;
    private uint _commandNumber = 1;
    private uint _maximumCommandNumber = 1;
    private uint _expectedStatus;
    private uint _lastTag;

    private SimulatedInitiator(
        SimulatedLoop loop, IscsiWire wire, InitiatorKeys keys, string iqn, long sizeBytes, int blockBytes)
    {
        _loop = loop;
        _wire = wire;
        _keys = keys;
        Name = iqn;
        SizeBytes = sizeBytes;
        BlockSizeBytes = blockBytes;
    }

    public Guid Id => Guid.Empty;

    public string Name { get; }

    public long SizeBytes { get; }

    public int BlockSizeBytes { get; }

    public bool IsReadOnly => false;

    /// <summary>The connection is over; a new one must be made.</summary>
    public bool IsBroken => _wire.IsBroken;

    /// <summary>Connects and logs in; null when that does not work now.</summary>
    public static async ValueTask<SimulatedInitiator?> ConnectAsync(
        SimulatedLoop loop, IPEndPoint portal, string iqn, InitiatorKeys keys, IBlockVolume shape)
    {
        Outcome<IConnection> connection = await loop.Network.ConnectAsync(portal);
        if (!connection.IsOk) return null;
        IscsiWire wire = new(loop, connection.Value);
        SimulatedInitiator initiator = new(loop, wire, keys, iqn, shape.SizeBytes, shape.BlockSizeBytes);
        if (!await initiator.LoginAsync())
        {
            wire.Close();
            return null;
        }

        _ = initiator.ReceiveAllAsync();
        return initiator;
    }

    public void Close() => _wire.Close();

    /// <summary>
    /// Asks for a sign of life: a connection that the target no longer knows is reset by it.
    /// </summary>
    public void Ping()
    {
        IscsiMessage ping = new(0x40, 0x80);
        ping.TaskTag = ++_lastTag;
        ping[20] = IscsiMessage.NoTag;
        ping[24] = _commandNumber;
        ping[28] = _expectedStatus;
        if (!IsBroken) _wire.Send(ping);
    }

    public async ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        byte[] cdb = ReadWriteCdb(0x88, offsetBytes, into.LengthBytes);
        InitiatorTask task = new(cdb, [], into.LengthBytes);
        (IoStatus status, InitiatorTask done) = await RunAsync(task);
        if (status == IoStatus.Ok) done.DataIn.CopyTo(into.Span);
        return status;
    }

    public async ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable)
    {
        byte[] cdb = ReadWriteCdb(0x8A, offsetBytes, from.LengthBytes);
        if (durable) cdb[1] |= 0x08;
        return (await RunAsync(new InitiatorTask(cdb, from.Span.ToArray(), 0))).Status;
    }

    public async ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        byte[] list = new byte[24];
        BinaryPrimitives.WriteUInt16BigEndian(list, 22);
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(2), 16);
        BinaryPrimitives.WriteInt64BigEndian(list.AsSpan(8), offsetBytes / SectorBytes);
        BinaryPrimitives.WriteUInt32BigEndian(list.AsSpan(16), (uint)(lengthBytes / SectorBytes));
        byte[] cdb = new byte[16];
        cdb[0] = 0x42;
        cdb[8] = 24;
        return (await RunAsync(new InitiatorTask(cdb, list, 0))).Status;
    }

    public async ValueTask<IoStatus> FlushAsync()
    {
        byte[] cdb = new byte[16];
        cdb[0] = 0x91;
        return (await RunAsync(new InitiatorTask(cdb, [], 0))).Status;
    }

    private static byte[] ReadWriteCdb(byte code, long offsetBytes, int lengthBytes)
    {
        byte[] cdb = new byte[16];
        cdb[0] = code;
        BinaryPrimitives.WriteInt64BigEndian(cdb.AsSpan(2), offsetBytes / SectorBytes);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), (uint)(lengthBytes / SectorBytes));
        return cdb;
    }

    // Repeats what the target puts off or answers with news of its own.
    private async ValueTask<(IoStatus Status, InitiatorTask Task)> RunAsync(InitiatorTask first)
    {
        InitiatorTask task = first;
        while (true)
        {
            if (!await StartAsync(task)) return (IoStatus.Aborted, task);
            if (await task.Completion.Task is not { } answer) return (IoStatus.Aborted, task);
            bool isComplete = task.Arrived == task.DataIn.Length;
            if (answer.Status == Good) return (isComplete ? IoStatus.Ok : IoStatus.DeviceError, task);
            bool isLater = answer.Status is Busy or TaskSetFull || answer.SenseKey == UnitAttention;
            if (!isLater) return (IoStatus.DeviceError, task);
            if (answer.SenseKey != UnitAttention) await _loop.DelayAsync(RetryNanoseconds);
            task = new InitiatorTask(task.Cdb, task.DataOut, task.DataIn.Length);
        }
    }

    private async ValueTask<bool> StartAsync(InitiatorTask task)
    {
        while (!IsBroken && unchecked((int)(_maximumCommandNumber - _commandNumber)) < 0)
        {
            SimulatedCompletion<bool> turn = new();
            _waitingForWindow.Enqueue(turn);
            await turn.Task;
        }

        if (IsBroken) return false;
        uint tag = ++_lastTag;
        _tasks.Add(tag, task);
        int immediate = !_keys.ImmediateData ? 0
            : Math.Min(task.DataOut.Length, Math.Min(_keys.FirstBurstBytes, _targetMaxRecvBytes));
        int unsolicited = _keys.InitialR2T ? immediate : Math.Min(task.DataOut.Length, _keys.FirstBurstBytes);
        byte direction = (byte)(task.DataOut.Length > 0 ? 0x20 : task.DataIn.Length > 0 ? 0x40 : 0);
        byte final = (byte)(unsolicited > immediate ? 0 : 0x80);
        IscsiMessage command = new(0x01, (byte)(final | direction | 1)) { Data = task.DataOut[..immediate] };
        command.TaskTag = tag;
        command[20] = (uint)Math.Max(task.DataOut.Length, task.DataIn.Length);
        command[24] = _commandNumber++;
        command[28] = _expectedStatus;
        task.Cdb.CopyTo(command.Header, 32);
        _wire.Send(command);
        SendData(tag, IscsiMessage.NoTag, task, immediate, unsolicited - immediate);
        return true;
    }

    private void SendData(uint tag, uint transferTag, InitiatorTask task, int offset, int length)
    {
        uint number = 0;
        for (int done = 0; done < length;)
        {
            int part = Math.Min(length - done, _targetMaxRecvBytes);
            byte[] data = task.DataOut[(offset + done)..(offset + done + part)];
            IscsiMessage message = new(0x05, (byte)(done + part == length ? 0x80 : 0)) { Data = data };
            message.TaskTag = tag;
            message[20] = transferTag;
            message[28] = _expectedStatus;
            message[36] = number++;
            message[40] = (uint)(offset + done);
            _wire.Send(message);
            done += part;
        }
    }

    private async ValueTask<bool> LoginAsync()
    {
        string[] who =
        [
            "InitiatorName=iqn.2026-11.test:simulated",
            "SessionType=Normal",
            "TargetName=" + Name,
        ];
        string text = string.Concat(who.Concat(_keys.Text()).Select(key => key + "\0"));
        IscsiMessage request = new(0x43, 0x80 | (1 << 2) | 3) { Data = Encoding.UTF8.GetBytes(text) };
        BinaryPrimitives.WriteUInt64BigEndian(request.Header.AsSpan(8), 0x800000000001UL << 16);
        request[24] = _commandNumber;
        _wire.Send(request);
        if (await _wire.ReceiveAsync() is not { Opcode: 0x23 } answer || answer.Header[36] != 0) return false;
        if ((answer.Flags & 0x83) != 0x83) return false;
        _expectedStatus = unchecked(answer[24] + 1);
        _maximumCommandNumber = answer[32];
        foreach (string pair in Encoding.UTF8.GetString(answer.Data).Split('\0'))
        {
            if (pair == "HeaderDigest=CRC32C") _wire.HeaderDigest = true;
            if (pair == "DataDigest=CRC32C") _wire.DataDigest = true;
            const string maxRecv = "MaxRecvDataSegmentLength=";
            if (pair.StartsWith(maxRecv, StringComparison.Ordinal))
                _targetMaxRecvBytes = int.Parse(pair[maxRecv.Length..], CultureInfo.InvariantCulture);
        }

        return true;
    }

    private async Task ReceiveAllAsync()
    {
        while (await _wire.ReceiveAsync() is { } message) Handle(message);
        _wire.Close();
        foreach (InitiatorTask task in _tasks.Values) task.Completion.Complete(null);
        _tasks.Clear();
        while (_waitingForWindow.TryDequeue(out SimulatedCompletion<bool>? turn)) turn.Complete(true);
    }

    private void Handle(IscsiMessage message)
    {
        bool hasStatus = message.Opcode == 0x21 || (message.Opcode == 0x25 && (message.Flags & 1) != 0);
        if (hasStatus) _expectedStatus = unchecked(message[24] + 1);
        if (unchecked((int)(message[32] - _maximumCommandNumber)) > 0) _maximumCommandNumber = message[32];
        int waiting = _waitingForWindow.Count;
        if (message.Opcode == 0x20) Answer(message);
        else if (_tasks.TryGetValue(message.TaskTag, out InitiatorTask? task)) Advance(message, task);
        while (waiting-- > 0) _waitingForWindow.Dequeue().Complete(true);
    }

    private void Advance(IscsiMessage message, InitiatorTask task)
    {
        if (message.Opcode == 0x31)
            SendData(message.TaskTag, message[20], task, (int)message[40], (int)message[44]);
        if (message.Opcode == 0x25)
        {
            message.Data.CopyTo(task.DataIn, (int)message[40]);
            task.Arrived += message.Data.Length;
        }

        bool isOver = message.Opcode == 0x21 || (message.Opcode == 0x25 && (message.Flags & 1) != 0);
        if (!isOver) return;
        _tasks.Remove(message.TaskTag);
        bool hasSense = message.Opcode == 0x21 && message.Data.Length > 4;
        int senseKey = !hasSense ? 0 : message.Data[2] >= 0x72 ? message.Data[3] & 15 : message.Data[4] & 15;
        task.Completion.Complete((message.Header[3], senseKey));
    }

    private void Answer(IscsiMessage ping)
    {
        if (ping[20] == IscsiMessage.NoTag) return;
        IscsiMessage answer = new(0x40, 0x80);
        answer.TaskTag = IscsiMessage.NoTag;
        answer[20] = ping[20];
        answer[24] = _commandNumber;
        answer[28] = _expectedStatus;
        _wire.Send(answer);
    }
}
