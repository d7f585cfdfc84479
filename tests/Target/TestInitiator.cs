using System.Buffers.Binary;
using System.Text;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>
/// An initiator that does exactly what a test says, right or wrong: PDU by PDU, or whole commands with
/// their data.
/// </summary>
internal sealed class TestInitiator(ILoop loop, IConnection connection) : IDisposable
{
    private readonly IoBuffer _out = loop.Buffers.Rent(2 * 1024 * 1024);
    private readonly IoBuffer _in = loop.Buffers.Rent(2 * 1024 * 1024);
    private int _start;
    private int _end;
    private uint _nextTag = 1;
    private Task<int>? _pending;

    public uint CmdSn { get; set; } = 100;

    public uint ExpStatSn { get; set; } = 1;

    public uint ExpCmdSn { get; private set; }

    public uint MaxCmdSn { get; private set; }

    public bool HeaderDigest { get; set; }

    public bool DataDigest { get; set; }

    public int FirstBurst { get; set; } = 262144;

    public int MaxSegment { get; set; } = 262144;

    /// <summary>NOP-Ins of the target seen while waiting for something else.</summary>
    public int Pings { get; private set; }

    /// <summary>Events of asynchronous messages seen, in order.</summary>
    public List<int> AsyncEvents { get; } = [];

    public Dictionary<string, string> Agreed { get; } = [];

    public IConnection Connection => connection;

    public ILoop Loop => loop;

    public uint NextTag() => _nextTag++;

    public void Dispose()
    {
        connection.Close();
        _out.Release();
        _in.Release();
    }

    public async ValueTask SendBytesAsync(byte[] bytes)
    {
        for (int at = 0; at < bytes.Length;)
        {
            int part = Math.Min(bytes.Length - at, _out.CapacityBytes);
            bytes.AsSpan(at, part).CopyTo(_out.Span);
            Assert.True(await connection.SendAsync([_out.First(part)]));
            at += part;
        }
    }

    public ValueTask SendAsync(params Pdu[] pdus)
    {
        var bytes = new List<byte>();
        foreach (Pdu pdu in pdus) bytes.AddRange(pdu.ToBytes(HeaderDigest, DataDigest));
        return SendBytesAsync([.. bytes]);
    }

    /// <summary>The next PDU, or null when the target closed the connection.</summary>
    public async ValueTask<Pdu?> ReceiveAsync()
    {
        int headBytes = 48 + (HeaderDigest ? 4 : 0);
        if (!await FillAsync(headBytes)) return null;
        byte[] header = _in.Span.Slice(_start, 48).ToArray();
        if (HeaderDigest) CheckDigest(_start, 48);
        int dataBytes = header[5] << 16 | header[6] << 8 | header[7];
        int tailBytes = dataBytes == 0 ? 0 : (-dataBytes & 3) + (DataDigest ? 4 : 0);
        if (!await FillAsync(headBytes + dataBytes + tailBytes)) return null;
        if (DataDigest && dataBytes > 0) CheckDigest(_start + headBytes, dataBytes + (-dataBytes & 3));
        byte[] data = _in.Span.Slice(_start + headBytes, dataBytes).ToArray();
        _start += headBytes + dataBytes + tailBytes;
        var pdu = new Pdu(header, data);
        bool hasStatus = pdu.Opcode != 0x31 && (pdu.Opcode != 0x25 || (pdu.Flags & 1) != 0);
        if (hasStatus && !(pdu.Opcode == 0x20 && pdu.TaskTag == uint.MaxValue)) ExpStatSn = pdu[24] + 1;
        ExpCmdSn = pdu[28];
        MaxCmdSn = pdu[32];
        if (pdu.Opcode != 0x32) return pdu;
        AsyncEvents.Add(pdu.Header[36]);
        return await ReceiveAsync();
    }

    /// <summary>The next PDU that is no NOP-In of the target's own.</summary>
    public async ValueTask<Pdu> ExpectAsync(int opcode)
    {
        while (true)
        {
            Pdu? pdu = await ReceiveAsync();
            Assert.NotNull(pdu);
            if (pdu.Opcode == 0x20 && pdu.TaskTag == uint.MaxValue)
            {
                Pings++;
                continue;
            }

            Assert.Equal(opcode, pdu.Opcode);
            return pdu;
        }
    }

    /// <summary>
    /// Lets some time pass and forgets what came; false when the target has closed the connection.
    /// </summary>
    public async ValueTask<bool> DrainAsync()
    {
        _pending ??= connection.ReceiveAsync(_in.Slice).AsTask();
        await loop.DelayAsync(1_000_000);
        while (_pending.IsCompleted)
        {
            if (await _pending == 0) return false;
            _pending = connection.ReceiveAsync(_in.Slice).AsTask();
            await loop.DelayAsync(10_000);
        }

        return true;
    }

    public async ValueTask<Pdu> LoginStepAsync(
        int stage, int next, string[] keys, ulong isid = 0x800000000001, ushort tsih = 0)
    {
        var pdu = new Pdu(0x43, (byte)(stage << 2 | (next >= 0 ? 0x80 | next : 0)));
        BinaryPrimitives.WriteUInt64BigEndian(pdu.Header.AsSpan(8), isid << 16 | tsih);
        pdu.TaskTag = 0;
        pdu[24] = CmdSn;
        pdu[28] = ExpStatSn;
        pdu.Data = Encoding.UTF8.GetBytes(string.Concat(keys.Select(key => key + "\0")));
        await SendAsync(pdu);
        Pdu answer = await ExpectAsync(0x23);
        foreach (string pair in Encoding.UTF8.GetString(answer.Data).Split('\0',
            StringSplitOptions.RemoveEmptyEntries))
            Agreed[pair[..pair.IndexOf('=')]] = pair[(pair.IndexOf('=') + 1)..];
        return answer;
    }

    /// <summary>Logs in as most initiators do, with keys to add. Returns status class and detail.</summary>
    public async ValueTask<int> LoginAsync(
        string? target = TargetFixture.Iqn, string name = "iqn.test:one", ulong isid = 0x800000000001,
        params string[] more)
    {
        string[] who = target is null
            ? [$"InitiatorName={name}", "SessionType=Discovery"]
            : [$"InitiatorName={name}", "SessionType=Normal", $"TargetName={target}"];
        Pdu answer = await LoginStepAsync(0, 1, [.. who, "AuthMethod=None"], isid);
        int status = answer.Header[36] << 8 | answer.Header[37];
        if (status != 0) return status;
        string[] usual =
        [
            "InitialR2T=No", "ImmediateData=Yes", "MaxRecvDataSegmentLength=262144", "MaxBurstLength=262144",
            "FirstBurstLength=262144", "MaxOutstandingR2T=1", "ErrorRecoveryLevel=0", "MaxConnections=1",
        ];
        string[] chosen = [.. usual.Where(u => !more.Any(m => m.Split('=')[0] == u.Split('=')[0])), .. more];
        answer = await LoginStepAsync(1, 3, chosen, isid);
        HeaderDigest = Agreed.GetValueOrDefault("HeaderDigest") == "CRC32C";
        DataDigest = Agreed.GetValueOrDefault("DataDigest") == "CRC32C";
        return answer.Header[36] << 8 | answer.Header[37];
    }

    public Pdu Command(byte[] cdb, int expectedBytes, bool read, bool write, bool final = true, ulong lun = 0)
    {
        byte flags = (byte)((final ? 0x80 : 0) | (read ? 0x40 : 0) | (write ? 0x20 : 0) | 1);
        var pdu = new Pdu(0x01, flags) { TaskTag = NextTag() };
        BinaryPrimitives.WriteUInt64BigEndian(pdu.Header.AsSpan(8), lun);
        pdu[20] = (uint)expectedBytes;
        pdu[24] = CmdSn++;
        pdu[28] = ExpStatSn;
        cdb.CopyTo(pdu.Header, 32);
        return pdu;
    }

    /// <summary>A command that reads, or moves nothing.</summary>
    public async ValueTask<ScsiAnswer> ReadAsync(byte[] cdb, int expectedBytes = 0, ulong lun = 0)
    {
        Pdu command = Command(cdb, expectedBytes, read: expectedBytes > 0, write: false, lun: lun);
        await SendAsync(command);
        return await AnswerAsync(command.TaskTag, []);
    }

    /// <summary>A command that writes: immediate data, then as the target asks for it.</summary>
    public async ValueTask<ScsiAnswer> WriteAsync(byte[] cdb, byte[] data, int immediateBytes = int.MaxValue)
    {
        Pdu command = Command(cdb, data.Length, read: false, write: true);
        int first = Math.Min(Math.Min(immediateBytes, data.Length), Math.Min(FirstBurst, MaxSegment));
        command.Data = data[..first];
        await SendAsync(command);
        return await AnswerAsync(command.TaskTag, data);
    }

    /// <summary>Answers R2Ts and gathers data until the status comes.</summary>
    public async ValueTask<ScsiAnswer> AnswerAsync(uint tag, byte[] data)
    {
        var gathered = new List<byte>();
        int dataPdus = 0;
        while (true)
        {
            Pdu? pdu = await ReceiveAsync();
            Assert.NotNull(pdu);
            if (pdu.Opcode == 0x20)
            {
                Pings++;
                continue;
            }

            Assert.Equal(tag, pdu.TaskTag);
            switch (pdu.Opcode)
            {
                case 0x31:
                    await SendDataAsync(tag, pdu[20], data, (int)pdu[40], (int)pdu[44]);
                    break;
                case 0x25:
                    Assert.Equal((uint)dataPdus++, pdu[36]);
                    Assert.Equal((uint)gathered.Count, pdu[40]);
                    gathered.AddRange(pdu.Data);
                    if ((pdu.Flags & 1) == 0) break;
                    return new ScsiAnswer(pdu.Header[3], [.. gathered], [], pdu.Flags, pdu[44], dataPdus);
                default:
                    Assert.Equal(0x21, pdu.Opcode);
                    byte[] sense = pdu.Data.Length > 2 ? pdu.Data[2..] : [];
                    return new ScsiAnswer(pdu.Header[3], [.. gathered], sense, pdu.Flags, pdu[44], dataPdus);
            }
        }
    }

    public async ValueTask SendDataAsync(uint tag, uint transferTag, byte[] data, int offset, int length)
    {
        uint dataSn = 0;
        for (int done = 0; done < length;)
        {
            int part = Math.Min(length - done, MaxSegment);
            await SendAsync(DataOut(
                tag, transferTag, dataSn++, offset + done, data[(offset + done)..(offset + done + part)],
                done + part == length));
            done += part;
        }
    }

    public Pdu DataOut(uint tag, uint transferTag, uint dataSn, int offset, byte[] data, bool final)
    {
        var pdu = new Pdu(0x05, final ? (byte)0x80 : (byte)0) { TaskTag = tag, Data = data };
        pdu[20] = transferTag;
        pdu[28] = ExpStatSn;
        pdu[36] = dataSn;
        pdu[40] = (uint)offset;
        return pdu;
    }

    public Pdu TaskManagement(int function, uint referencedTag = uint.MaxValue, ulong lun = 0)
    {
        var pdu = new Pdu(0x42, (byte)(0x80 | function)) { TaskTag = NextTag() };
        BinaryPrimitives.WriteUInt64BigEndian(pdu.Header.AsSpan(8), lun);
        pdu[20] = referencedTag;
        pdu[24] = CmdSn;
        pdu[28] = ExpStatSn;
        return pdu;
    }

    /// <summary>Takes the unit attentions that wait after login.</summary>
    public async ValueTask SettleAsync()
    {
        for (int i = 0; i < 8; i++)
            if ((await ReadAsync(Cdb.TestUnitReady)).IsGood) return;
        Assert.Fail("unit attentions do not end");
    }

    private void CheckDigest(int start, int lengthBytes) => Assert.Equal(
        Cstor.PoolLayout.Checksums.Crc32C.Compute(_in.Span.Slice(start, lengthBytes)),
        BinaryPrimitives.ReadUInt32LittleEndian(_in.Span[(start + lengthBytes)..]));

    private async ValueTask<bool> FillAsync(int wantedBytes)
    {
        while (_end - _start < wantedBytes)
        {
            if (_start > 0) _in.Span[_start.._end].CopyTo(_in.Span);
            _end -= _start;
            _start = 0;
            int received = await connection.ReceiveAsync(_in.Slice.Slice(_end, _in.CapacityBytes - _end));
            if (received == 0) return false;
            _end += received;
        }

        return true;
    }
}
