using System.Net;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class LinuxNetworkTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void What_is_sent_arrives_in_order_over_many_connections(string address)
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture, address);
            ValueTask serving = ServeAsync(fixture, listener);
            var clients = new List<ValueTask>();
            for (int i = 0; i < 200; i++) clients.Add(
                ClientAsync(fixture, listener.LocalEndPoint, seed: i, rounds: 5, messageBytes: 20_000));
            foreach (ValueTask client in clients) await client;
            listener.Close();
            await serving;
            Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
        });
    }

    [Fact]
    public void A_large_transfer_in_many_pieces_arrives_whole()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            (IConnection near, IConnection far) = await PairAsync(fixture, listener);
            const int size = 2 * 1024 * 1024;
            IoBuffer source = fixture.Loop.Buffers.Rent(size);
            IoBuffer target = fixture.Loop.Buffers.Rent(size);
            new Random(5).NextBytes(source.Span);
            // 3000 pieces are more than the kernel takes at once; every second byte run is left out, so that
            // none are neighbours.
            IoSlice[] pieces = [.. Enumerable.Range(0, 3000).Select(i => source.Slice.Slice(i * 699, 600))];
            ValueTask<bool> sending = near.SendAsync(pieces);
            int total = 0;
            while (total < 3000 * 600)
            {
                // Into two runs at a time.
                int first = Math.Min(777, 3000 * 600 - total);
                int received = first == 3000 * 600 - total
                    ? await far.ReceiveAsync(target.Slice.Slice(total, first))
                    : await far.ReceiveAsync(
                        [target.Slice.Slice(
                            total, first), target.Slice.Slice(total + first, 3000 * 600 - total - first)]);
                Assert.True(received > 0);
                total += received;
            }

            Assert.True(await sending);
            for (int i = 0; i < 3000; i++)
                Assert.True(source.Span.Slice(i * 699, 600).SequenceEqual(target.Span.Slice(i * 600, 600)));
            source.Release();
            target.Release();
            near.Close();
            far.Close();
            listener.Close();
        });
    }

    [Fact]
    public void Closing_ends_a_receive_under_way_with_nothing()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            (IConnection near, IConnection far) = await PairAsync(fixture, listener);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(4096);
            ValueTask<int> receiving = near.ReceiveAsync(buffer.Slice);
            await fixture.Loop.DelayAsync(1_000_000);
            near.Close();
            near.Close();
            Assert.Equal(0, await receiving);
            Assert.Equal(0, await near.ReceiveAsync(buffer.Slice));
            Assert.False(await near.SendAsync([buffer.Slice]));
            // The peer sees the end too.
            Assert.Equal(0, await far.ReceiveAsync(buffer.Slice));
            far.Close();
            listener.Close();
            buffer.Release();
        });
    }

    [Fact]
    public void Closing_ends_a_send_that_the_peer_does_not_take()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            (IConnection near, IConnection far) = await PairAsync(fixture, listener);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(BufferPool.MaximumBytes);
            IoSlice[] pieces = [.. Enumerable.Repeat(buffer.Slice, 32)];
            ValueTask<bool> sending = near.SendAsync(pieces);
            await fixture.Loop.DelayAsync(20_000_000);
            Assert.False(sending.IsCompleted);
            near.Close();
            Assert.False(await sending);
            far.Close();
            listener.Close();
            buffer.Release();
        });
    }

    [Fact]
    public void A_peer_that_vanishes_during_a_send_makes_it_false_and_raises_no_signal()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            (IConnection near, IConnection far) = await PairAsync(fixture, listener);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(1024 * 1024);
            far.Close();
            bool sent = true;
            for (int i = 0; i < 100 && sent; i++) sent = await near.SendAsync([buffer.Slice]);
            Assert.False(sent);
            near.Close();
            listener.Close();
            buffer.Release();
        });
    }

    [Fact]
    public void Closing_a_listener_ends_its_accept_and_frees_the_port()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            IPEndPoint endPoint = listener.LocalEndPoint;
            ValueTask<IConnection?> accepting = listener.AcceptAsync();
            await fixture.Loop.DelayAsync(1_000_000);
            Outcome<IListener> second = fixture.Loop.Network.Listen(endPoint);
            Assert.Equal("address-in-use", second.Fault?.Code);
            Assert.Contains(endPoint.ToString(), second.Fault!.Message, StringComparison.Ordinal);
            listener.Close();
            listener.Close();
            Assert.Null(await accepting);
            Assert.Null(await listener.AcceptAsync());
            fixture.Loop.Network.Listen(endPoint).Value.Close();
        });
    }

    [Fact]
    public void Refused_connections_and_foreign_addresses_are_faults_that_name_the_address()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            IPEndPoint endPoint = listener.LocalEndPoint;
            listener.Close();
            Outcome<IConnection> refused = await fixture.Loop.Network.ConnectAsync(endPoint);
            Assert.Equal("connect-failed", refused.Fault?.Code);
            Assert.Contains(endPoint.ToString(), refused.Fault!.Message, StringComparison.Ordinal);
            Outcome<IListener> foreign = fixture.Loop.Network.Listen(
                new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0));
            Assert.Equal("address-unavailable", foreign.Fault?.Code);
        });
    }

    [Fact]
    public void Connections_opened_and_closed_by_the_thousand_leave_nothing_behind()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            int before = Directory.GetFiles("/proc/self/fd").Length;
            for (int i = 0; i < 1000; i++)
            {
                (IConnection near, IConnection far) = await PairAsync(fixture, listener);
                near.Close();
                far.Close();
            }

            Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, before + 50);
            listener.Close();
        });
    }

    [Fact]
    public void A_loop_stopped_in_the_middle_of_transfers_ends_them_and_itself()
    {
        var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            (IConnection near, IConnection far) = await PairAsync(fixture, listener);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(BufferPool.MaximumBytes);
            _ = ForgetAsync(near.ReceiveAsync(buffer.Slice));
            _ = ForgetAsync(far.SendAsync([.. Enumerable.Repeat(buffer.Slice, 32)]));
            _ = ForgetAsync(listener.AcceptAsync());
            await fixture.Loop.DelayAsync(1_000_000);
        });
        fixture.Dispose();
    }

    [Fact]
    public void Echoing_allocates_nothing_once_warm()
    {
        using var fixture = new LoopFixture();
        long allocated = fixture.Run(async () =>
        {
            IListener listener = Listen(fixture);
            ValueTask serving = ServeAsync(fixture, listener);
            IConnection connection = (await fixture.Loop.Network.ConnectAsync(listener.LocalEndPoint)).Value;
            IoBuffer buffer = fixture.Loop.Buffers.Rent(8192);
            long start = 0;
            for (int i = 0; i < 11_000; i++)
            {
                if (i == 1_000) start = GC.GetAllocatedBytesForCurrentThread();
                if (!await connection.SendAsync([buffer.First(48), buffer.First(100)]))
                    throw new InvalidOperationException();
                int got = 0;
                while (got < 148) got += await connection.ReceiveAsync(buffer.First(148 - got));
            }

            long end = GC.GetAllocatedBytesForCurrentThread();
            connection.Close();
            listener.Close();
            await serving;
            buffer.Release();
            return end - start;
        });
        Assert.Equal(0, allocated);
    }

    private static async Task ForgetAsync<T>(ValueTask<T> task) => await task;

    private static IListener Listen(LoopFixture fixture, string address = "127.0.0.1")
    {
        Outcome<IListener> listener = fixture.Loop.Network.Listen(
            new IPEndPoint(IPAddress.Parse(address), 0));
        Assert.Null(listener.Fault);
        return listener.Value;
    }

    private static async ValueTask<(IConnection Near, IConnection Far)> PairAsync(
        LoopFixture fixture, IListener listener)
    {
        ValueTask<IConnection?> accepting = listener.AcceptAsync();
        Outcome<IConnection> near = await fixture.Loop.Network.ConnectAsync(listener.LocalEndPoint);
        IConnection? far = await accepting;
        Assert.Null(near.Fault);
        Assert.NotNull(far);
        Assert.Equal(near.Value.LocalEndPoint, far.RemoteEndPoint);
        Assert.Equal(near.Value.RemoteEndPoint, far.LocalEndPoint);
        return (near.Value, far);
    }

    private static async ValueTask ServeAsync(LoopFixture fixture, IListener listener)
    {
        var echoes = new List<ValueTask>();
        while (await listener.AcceptAsync() is { } connection) echoes.Add(EchoAsync(fixture, connection));
        foreach (ValueTask echo in echoes) await echo;
    }

    private static async ValueTask EchoAsync(LoopFixture fixture, IConnection connection)
    {
        IoBuffer buffer = fixture.Loop.Buffers.Rent(16384);
        while (true)
        {
            int received = await connection.ReceiveAsync(buffer.Slice);
            if (received == 0 || !await connection.SendAsync([buffer.First(received)])) break;
        }

        connection.Close();
        buffer.Release();
    }

    private static async ValueTask ClientAsync(
        LoopFixture fixture, IPEndPoint endPoint, int seed, int rounds, int messageBytes)
    {
        IConnection connection = (await fixture.Loop.Network.ConnectAsync(endPoint)).Value;
        IoBuffer source = fixture.Loop.Buffers.Rent(messageBytes);
        IoBuffer target = fixture.Loop.Buffers.Rent(messageBytes);
        new Random(seed).NextBytes(source.Span);
        for (int round = 0; round < rounds; round++)
        {
            target.Span.Clear();
            ValueTask<bool> sending = connection.SendAsync(
                [source.First(100), source.Slice.Slice(100, messageBytes - 100)]);
            int total = 0;
            while (total < messageBytes)
            {
                int received = await connection.ReceiveAsync(target.Slice.Slice(total, messageBytes - total));
                Assert.True(received > 0);
                total += received;
            }

            Assert.True(await sending);
            Assert.True(source.Span[..messageBytes].SequenceEqual(target.Span[..messageBytes]));
        }

        connection.Close();
        source.Release();
        target.Release();
    }
}
