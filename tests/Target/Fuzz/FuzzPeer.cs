using System.Buffers.Binary;
using System.Text;
using Cstor.PoolLayout.Checksums;
using Cstor.Target.Scsi;

namespace Cstor.Tests.Target.Fuzz;

/// <summary>
/// An initiator that knows what it sent and checks what comes back: every answer is well formed, numbered
/// without a gap, and to something that was asked.
/// </summary>
internal sealed class FuzzPeer(FuzzLoop loop, FuzzCoverage coverage, string name)
{
    private const int MaximumDataBytes = 262144;

    private readonly Dictionary<uint, (int Count, CommandDescriptor? Row)> _asked = [];
    private readonly Queue<byte[]> _lastSent = new();
    private byte[] _rest = [];
    private uint _statSn;
    private uint _lastTag = 100;

    public FuzzConnection Connection { get; private set; } = null!;

    public uint ExpCmdSn { get; private set; }

    public bool IsLoggedIn { get; private set; }

    public bool HasDigests { get; private set; }

    /// <summary>Transfers that the target asked for, not yet answered: task tag, header of the R2T.</summary>
    public List<(uint Tag, byte[] Request)> Transfers { get; } = [];

    /// <summary>The target's tag of a text that goes on, or none.</summary>
    public uint TextTag { get; private set; } = uint.MaxValue;

    public bool IsGone => Connection.IsClosed;

    public uint NextTag() => ++_lastTag;

    public uint LastTag => _lastTag;

    /// <summary>Connects and logs in with a login that is right.</summary>
    public void LogIn(bool digests)
    {
        Connect();
        string more = digests ? "HeaderDigest=CRC32C\0DataDigest=CRC32C\0" : "";
        var login = new Pdu(0x43, 0x87);
        login[8] = 0x80000000;
        login[12] = 0x00010000;
        login.Data = Encoding.ASCII.GetBytes(
            $"InitiatorName={name}\0TargetName={TargetFixture.Iqn}\0InitialR2T=No\0"
                + $"iSCSIProtocolLevel=2\0MaxRecvDataSegmentLength={MaximumDataBytes}\0{more}");
        Send(login.ToBytes());
        loop.Advance(1_000_000);
        Read();
        Require(IsLoggedIn, "a login that is right was not let in");
        HasDigests = digests;
    }

    public void Connect()
    {
        Connection = loop.Connect();
        _rest = [];
        _asked.Clear();
        Transfers.Clear();
        TextTag = uint.MaxValue;
        HasDigests = false;
        IsLoggedIn = false;
        _statSn = 0;
        ExpCmdSn = 0;
    }

    /// <summary>The headers sent last, for whoever looks into a finding.</summary>
    public string LastSent() =>
        string.Join('\n', _lastSent.Select(bytes => Convert.ToHexStringLower(bytes.AsSpan(0, 48))));

    /// <summary>Sends bytes that begin with a header, and remembers what they ask.</summary>
    public void Send(byte[] bytes)
    {
        int opcode = bytes[0] & 0x3f;
        coverage.Inputs++;
        coverage.Sent(opcode);
        _lastSent.Enqueue(bytes);
        if (_lastSent.Count > 12) _lastSent.Dequeue();
        uint tag = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(16));
        if (opcode == 0x02) coverage.Managed(bytes[1] & 0x7f);
        if (opcode is 0x00 or 0x01 or 0x02 or 0x04 or 0x06)
        {
            CommandDescriptor? row = opcode == 0x01 ? CommandTable.Find(bytes.AsSpan(32, 16)) : null;
            _asked[tag] = (_asked.GetValueOrDefault(tag).Count + 1, row);
        }

        Connection.Feed(bytes);
    }

    /// <summary>Takes and checks what has come.</summary>
    public void Read()
    {
        byte[] sent = Connection.TakeSent();
        byte[] bytes = _rest.Length == 0 ? sent : [.. _rest, .. sent];
        int at = 0;
        while (bytes.Length - at >= 48)
        {
            int head = 48 + (HasDigests ? 4 : 0);
            int data = bytes[at + 5] << 16 | bytes[at + 6] << 8 | bytes[at + 7];
            int tail = data == 0 ? 0 : (-data & 3) + (HasDigests ? 4 : 0);
            Require(data <= MaximumDataBytes, "an answer is longer than was declared");
            if (bytes.Length - at < head + data + tail) break;
            if (HasDigests) CheckDigest(bytes.AsSpan(at, 48), bytes.AsSpan(at + 48));
            Span<byte> body = bytes.AsSpan(at + head, data + tail);
            if (HasDigests && data > 0) CheckDigest(body[..^4], body[^4..]);
            Take(bytes[at..(at + 48)], bytes[(at + head)..(at + head + data)]);
            at += head + data + tail;
        }

        _rest = bytes[at..];
        Require(_rest.Length == 0 || IsGone, "an answer is cut");
    }

    /// <summary>Asks for a sign of life at once; it must come.</summary>
    public void Probe()
    {
        uint tag = NextTag();
        while (_asked.ContainsKey(tag)) tag = NextTag(); // a mutated one may have gone before
        var ping = new Pdu(0x40) { TaskTag = tag };
        ping[20] = uint.MaxValue;
        ping[24] = ExpCmdSn;
        Send(ping.ToBytes(HasDigests));
        loop.Advance(1_000_000);
        Read();
        Require(IsGone || !_asked.ContainsKey(tag), "a ping was not answered: the session hangs");
    }

    /// <summary>
    /// A command as a careful initiator sends it, with signs of life while it waits. It must be answered, at
    /// once or when those that hold on to memory have been dropped.
    /// </summary>
    public void Command(byte[] cdb, int length)
    {
        uint tag = NextTag();
        var command = new Pdu(0x01, (byte)(length > 0 ? 0xc1 : 0x81)) { TaskTag = tag };
        command[20] = (uint)length;
        command[24] = ExpCmdSn;
        cdb.CopyTo(command.Header, 32);
        Send(command.ToBytes(HasDigests));
        for (int i = 0; i < 80 && !IsGone; i++)
        {
            loop.Advance(i == 0 ? 20_000_000 : 1_000_000_000);
            Read();
            if (!_asked.ContainsKey(tag)) return;
            if (i % 5 == 4) Probe();
        }

        Require(IsGone, "a command was not answered: it hangs");
    }

    private void Take(byte[] header, byte[] data)
    {
        int opcode = header[0];
        coverage.Answered(opcode);
        uint tag = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16));
        uint transferTag = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(20));
        bool isPing = opcode == 0x20 && tag == uint.MaxValue;
        bool hasStatus = opcode != 0x31 && (opcode != 0x25 || (header[1] & 1) != 0) && !isPing;
        if (opcode == 0x23) TakeLogin(header);
        else if (hasStatus) CheckStatSn(header);
        if (opcode != 0x23 || IsLoggedIn)
            ExpCmdSn = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(28));
        switch (opcode)
        {
            case 0x21:
                End(tag, header[3], data);
                break;
            case 0x25:
                if (hasStatus) End(tag, header[3], []);
                else Require(_asked.ContainsKey(tag), "data for nobody");
                break;
            case 0x20 when !isPing:
            case 0x22 or 0x26:
                End(tag, -1, []);
                break;
            case 0x24:
                End(tag, -1, []);
                TextTag = transferTag;
                break;
            case 0x31:
                Require(_asked.ContainsKey(tag), "a transfer request for nobody");
                Transfers.Add((tag, header));
                break;
            case 0x3f:
                coverage.Rejected(header[2]);
                Require(data.Length == 48, "a reject without the header");
                break;
            case 0x20 or 0x23 or 0x32:
                break;
            default:
                Require(false, $"an answer of opcode {opcode:x2}");
                break;
        }
    }

    private void TakeLogin(byte[] header)
    {
        int status = header[36] << 8 | header[37];
        coverage.LoggedIn(status);
        _statSn = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(24)) + 1;
        IsLoggedIn |= status == 0 && (header[1] & 0x83) == 0x83;
    }

    private void CheckStatSn(byte[] header)
    {
        uint statSn = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(24));
        Require(statSn == _statSn, $"status number {statSn} where {_statSn} was due");
        _statSn = unchecked(_statSn + 1);
    }

    private void End(uint tag, int status, byte[] data)
    {
        (int count, CommandDescriptor? row) = _asked.GetValueOrDefault(tag);
        Require(count > 0, $"an answer to {tag:x8}, which nobody asked or which was answered before");
        if (count == 1) _asked.Remove(tag);
        else _asked[tag] = (count - 1, row);
        if (status >= 0 && row is not null) coverage.Ended(row, status, data);
    }

    private static void CheckDigest(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> digest) => Require(
        Crc32C.Compute(bytes) == BinaryPrimitives.ReadUInt32LittleEndian(digest), "a digest is wrong");

    private static void Require(bool holds, string what)
    {
        if (!holds) throw new FuzzFinding(what);
    }
}
