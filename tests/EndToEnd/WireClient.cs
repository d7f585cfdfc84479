using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// An iSCSI initiator of one session, small enough to have a thousand of them: logs in, writes with immediate
/// data and reads, one command at a time; and misbehaves when told to.
/// </summary>
internal sealed class WireClient : IDisposable
{
    private const int HeaderBytes = 48;
    private const uint NoTag = uint.MaxValue;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        NoDelay = true,
    };

    private readonly byte[] _header = new byte[HeaderBytes];
    private readonly byte[] _data = new byte[8192];
    private uint _cmdSn = 1;
    private uint _expStatSn;
    private uint _tag;

    public static async Task<WireClient> ConnectAsync(int port)
    {
        WireClient client = new();
        await client._socket.ConnectAsync(IPAddress.Loopback, port);
        return client;
    }

    /// <summary>Connects, logs in and takes the unit attentions that wait.</summary>
    public static async Task<WireClient> LogInAsync(int port, string target, int number)
    {
        WireClient client = await ConnectAsync(port);
        byte[] header = client.Header(0x43, 0x87);
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(8), (0x800000000000UL + (uint)number) << 16);
        await client.SendAsync(header, Encoding.ASCII.GetBytes(
            $"InitiatorName=iqn.2000-01.test:many-{number}\0TargetName={target}\0InitialR2T=No\0"
                + "MaxRecvDataSegmentLength=8192\0FirstBurstLength=8192\0"));
        await client.ReceiveAsync();
        int status = client._header[36] << 8 | client._header[37];
        if (status != 0) throw new IOException($"login of {number} refused with {status:x4}");
        for (int i = 0; i < 8; i++)
        {
            if (await client.CommandAsync(new byte[16], 0x80, 0, default) == 0) return client;
        }

        throw new IOException("unit attentions do not end");
    }

    public async Task WriteAsync(uint block, byte[] data)
    {
        int status = await CommandAsync(Cdb(0x2a, block, data.Length), 0xa0, data.Length, data);
        if (status != 0) throw new IOException($"write answered with status {status:x2}");
    }

    /// <summary>Bytes read, valid until the next command.</summary>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(uint block, int length)
    {
        int status = await CommandAsync(Cdb(0x28, block, length), 0xc0, length, default);
        if (status != 0) throw new IOException($"read answered with status {status:x2}");
        return _data.AsMemory(0, length);
    }

    /// <summary>Writes a block; the status.</summary>
    public Task<int> TryWriteAsync(uint block, byte[] data) =>
        CommandAsync(Cdb(0x2a, block, data.Length), 0xa0, data.Length, data);

    /// <summary>Writes a block if it holds what is expected; the status.</summary>
    public Task<int> CompareAndWriteAsync(uint block, byte[] expected, byte[] data)
    {
        byte[] cdb = new byte[16];
        cdb[0] = 0x89;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), block);
        cdb[13] = (byte)(data.Length / 512);
        return CommandAsync(cdb, 0xa0, 2 * data.Length, (byte[])[.. expected, .. data]);
    }

    /// <summary>PERSISTENT RESERVE OUT; the status.</summary>
    public Task<int> ReserveOutAsync(int action, ulong key, ulong actionKey, byte type = 0)
    {
        byte[] list = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), actionKey);
        byte[] cdb = [0x5f, (byte)action, type, 0, 0, 0, 0, 0, (byte)list.Length, 0, 0, 0, 0, 0, 0, 0];
        return CommandAsync(cdb, 0xa0, list.Length, list);
    }

    /// <summary>PERSISTENT RESERVE IN: the key at a place of what it answers.</summary>
    public async Task<ulong> ReserveInAsync(int action, int keyOffset)
    {
        const byte Length = 64;
        byte[] cdb = [0x5e, (byte)action, 0, 0, 0, 0, 0, 0, Length, 0, 0, 0, 0, 0, 0, 0];
        int status = await CommandAsync(cdb, 0xc0, Length, default);
        if (status != 0) throw new IOException($"answered with status {status:x2}");
        return BinaryPrimitives.ReadUInt64BigEndian(_data.AsSpan(keyOffset));
    }

    /// <summary>Begins a login, or nothing, and leaves it at that.</summary>
    public Task SendHalfALoginAsync() => _socket.SendAsync(Header(0x43, 0x87).AsMemory(0, 20)).AsTask();

    /// <summary>TEST UNIT READY: additional sense code and qualifier, or 0.</summary>
    public async Task<int> AskReadyAsync()
    {
        const int SenseAt = 2;
        int status = await CommandAsync(new byte[16], 0x80, 0, default);
        return status == 0 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(_data.AsSpan(SenseAt + 12));
    }

    /// <summary>READ CAPACITY (10): bytes.</summary>
    public async Task<long> CapacityAsync()
    {
        byte[] cdb = new byte[16];
        cdb[0] = 0x25;
        int status = await CommandAsync(cdb, 0xc0, 8, default);
        if (status != 0) throw new IOException($"answered with status {status:x2}");
        return (BinaryPrimitives.ReadUInt32BigEndian(_data) + 1L) * 512;
    }

    /// <summary>Announces a write whose data never comes.</summary>
    public Task BeginWriteAsync(uint block, int length) => SendAsync(
        Command(Cdb(0x2a, block, length), 0xa0, length), default);

    /// <summary>Asks for more than the connection holds, and takes none of it.</summary>
    public async Task AskWithoutTakingAsync(int commands, int length)
    {
        for (int i = 0; i < commands; i++)
            await SendAsync(Command(Cdb(0x28, 0, length), 0xc0, length), default);
    }

    public void Dispose() => _socket.Dispose();

    private static byte[] Cdb(byte opcode, uint block, int length)
    {
        byte[] cdb = new byte[16];
        cdb[0] = opcode;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(2), block);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(7), (ushort)(length / 512));
        return cdb;
    }

    private byte[] Header(byte opcode, byte flags)
    {
        byte[] header = new byte[HeaderBytes];
        header[0] = opcode;
        header[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(16), ++_tag);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(24), _cmdSn);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(28), _expStatSn);
        return header;
    }

    private byte[] Command(byte[] cdb, byte flags, int length)
    {
        byte[] header = Header(0x01, flags);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(20), (uint)length);
        cdb.CopyTo(header, 32);
        _cmdSn++;
        return header;
    }

    private async Task<int> CommandAsync(byte[] cdb, byte flags, int length, ReadOnlyMemory<byte> data)
    {
        await SendAsync(Command(cdb, flags, length), data);
        while (true)
        {
            await ReceiveAsync();
            bool hasStatus = _header[0] == 0x21 || (_header[0] == 0x25 && (_header[1] & 1) != 0);
            if (hasStatus) return _header[3];
        }
    }

    private async Task SendAsync(byte[] header, ReadOnlyMemory<byte> data)
    {
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), data.Length);
        byte[] bytes = new byte[HeaderBytes + (data.Length + 3) / 4 * 4];
        header.CopyTo(bytes, 0);
        data.CopyTo(bytes.AsMemory(HeaderBytes));
        for (int sent = 0; sent < bytes.Length;) sent += await _socket.SendAsync(bytes.AsMemory(sent));
    }

    /// <summary>One PDU; pings are answered on the way.</summary>
    private async Task ReceiveAsync()
    {
        await FillAsync(_header);
        int length = BinaryPrimitives.ReadInt32BigEndian(_header.AsSpan(4)) & 0xffffff;
        await FillAsync(_data.AsMemory(0, (length + 3) / 4 * 4));
        bool isPing = _header[0] == 0x20;
        if (!isPing) _expStatSn = BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(24)) + 1;
        if (!isPing) return;
        byte[] answer = Header(0x40, 0x80);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(16), NoTag);
        _header.AsSpan(20, 4).CopyTo(answer.AsSpan(20));
        await SendAsync(answer, default);
    }

    private async Task FillAsync(Memory<byte> into)
    {
        while (into.Length > 0)
        {
            int count = await _socket.ReceiveAsync(into);
            if (count == 0) throw new IOException("the target closed the connection");
            into = into[count..];
        }
    }
}
