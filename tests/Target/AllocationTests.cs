using System.Net;
using System.Net.Sockets;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Tests.Host.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>
/// On the real loop, over a real socket: commands allocate nothing once everything is warm.
/// </summary>
public sealed class AllocationTests
{
    private const int Depth = 32;
    private const int Rounds = 300;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Reads_and_writes_of_4096_bytes_allocate_nothing_once_warm(bool write, bool laterVolume)
    {
        using var fixture = new LoopFixture();
        IBlockVolume volume = laterVolume
            ? new LaterVolume(fixture.Loop)
            : new NullVolume("null", 1L << 30);
        TargetServer server = fixture.Run(() => ValueTask.FromResult(
            new TargetServer(fixture.Loop, NullLogger.Instance, new TargetOptions())));
        IPEndPoint portal = fixture.Run(() =>
        {
            Assert.True(server.AddTarget(new TargetDefinition(TargetFixture.Iqn, volume)).IsOk);
            return ValueTask.FromResult(server.Listen(new IPEndPoint(IPAddress.Loopback, 0)).Value);
        });
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(portal);
        Login(socket);
        uint cmdSn = 1;
        for (int i = 0; i < 100; i++) Round(socket, write, ref cmdSn);
        long before = AllocatedOnLoop(fixture);
        for (int i = 0; i < Rounds; i++) Round(socket, write, ref cmdSn);
        long allocated = AllocatedOnLoop(fixture) - before;
        Assert.True(allocated < Rounds * Depth / 8, $"{allocated} bytes for {Rounds * Depth} commands");
        socket.Close();
        fixture.Run(server.CloseAsync);
        Assert.Equal(0, fixture.Run(() => ValueTask.FromResult(fixture.Loop.Buffers.RentedCount)));
    }

    private static long AllocatedOnLoop(LoopFixture fixture) =>
        fixture.Run(() => ValueTask.FromResult(GC.GetAllocatedBytesForCurrentThread()));

    private static void Login(Socket socket)
    {
        string text = $"InitiatorName=iqn.test:one\0TargetName={TargetFixture.Iqn}\0" +
            "MaxRecvDataSegmentLength=262144\0InitialR2T=No\0ImmediateData=Yes\0";
        var pdu = new Pdu(0x43, 0x87) { Data = System.Text.Encoding.ASCII.GetBytes(text) };
        pdu[8] = 0x80000000;
        pdu[12] = 0x00010000;
        pdu[24] = 1;
        socket.Send(pdu.ToBytes());
        Assert.Equal(0, ReceivePdu(socket)[36]);
        uint cmdSn = 1;
        Round(socket, false, ref cmdSn, 1, 0, 512);
    }

    private static void Round(
        Socket socket, bool write, ref uint cmdSn, int depth = Depth, int status = -1, int length = 4096)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < depth; i++)
        {
            var pdu = new Pdu(0x41, write ? (byte)0xa1 : (byte)0xc1) { TaskTag = (uint)i };
            if (write) pdu.Data = new byte[length];
            pdu[20] = (uint)length;
            pdu[24] = cmdSn;
            Cdb.Ten(write ? (byte)0x2a
                : (byte)0x28, (uint)i * 8, (ushort)(length / 512)).CopyTo(pdu.Header, 32);
            bytes.AddRange(pdu.ToBytes());
        }

        socket.Send(bytes.ToArray());
        for (int i = 0; i < depth; i++) Assert.True(status == 0 || ReceivePdu(socket)[3] == 0);
        if (status == 0) ReceivePdu(socket);
    }

    private static byte[] ReceivePdu(Socket socket)
    {
        byte[] header = Receive(socket, 48);
        int length = header[5] << 16 | header[6] << 8 | header[7];
        Receive(socket, length + (-length & 3));
        return header;
    }

    private static byte[] Receive(Socket socket, int length)
    {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            int count = socket.Receive(bytes.AsSpan(done));
            Assert.NotEqual(0, count);
            done += count;
        }

        return bytes;
    }

    /// <summary>A volume whose answers come in a later turn of the loop, as a disk's do.</summary>
    private sealed class LaterVolume(ILoop loop) : IBlockVolume
    {
        private readonly Stack<PooledAnswer> _free = new();

        public Guid Id => Guid.Empty;

        public string Name => "later";

        public long SizeBytes => 1L << 30;

        public int BlockSizeBytes => 4096;

        public bool IsReadOnly => false;

        public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into) => Later();

        public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) => Later();

        public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes) => Later();

        public ValueTask<IoStatus> FlushAsync() => Later();

        private ValueTask<IoStatus> Later()
        {
            PooledAnswer answer = _free.TryPop(out PooledAnswer? free) ? free : new PooledAnswer(_free);
            return answer.Start(loop);
        }
    }
}
