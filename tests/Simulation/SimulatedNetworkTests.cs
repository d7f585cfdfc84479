using System.Net;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedNetworkTests
{
    private const int Total = 300_000;

    [Fact]
    public void A_stream_arrives_whole_and_in_order_in_pieces_of_any_size()
    {
        HashSet<int> sizes = [];
        for (ulong seed = 0; seed < 10; seed++)
        {
            using Pair pair = new(seed);
            pair.Run(async (client, server) =>
            {
                ValueTask<bool> send = Send(pair.A, client, Total);
                await Expect(pair.B, server, Total, sizes);
                Assert.True(await send);
            });
        }

        Assert.True(sizes.Count > 10);
    }

    [Fact]
    public void A_close_is_seen_after_the_data()
    {
        using Pair pair = new(2);
        pair.Run(async (client, server) =>
        {
            Assert.True(await Send(pair.A, client, 1000));
            client.Close();
            await Expect(pair.B, server, 1000, []);
            Assert.Equal(0, await Receive(pair.B, server));
        });
    }

    [Fact]
    public void Closing_ends_the_receive_under_way()
    {
        using Pair pair = new(3);
        pair.Run(async (client, _) =>
        {
            ValueTask<int> receive = Receive(pair.A, client);
            client.Close();
            Assert.Equal(0, await receive);
            Assert.False(await Send(pair.A, client, 10));
        });
    }

    [Fact]
    public void A_reset_is_seen_at_both_ends()
    {
        using Pair pair = new(4);
        pair.Run(async (client, server) =>
        {
            ValueTask<int> here = Receive(pair.A, client);
            pair.Machine.Links.ResetConnections(pair.A.Node, pair.B.Node);
            Assert.Equal(0, await here);
            Assert.Equal(0, await Receive(pair.B, server));
        });
    }

    [Fact]
    public void A_cut_holds_what_is_sent_until_it_heals()
    {
        using Pair pair = new(5);
        pair.Run(async (client, server) =>
        {
            pair.Machine.Links.Cut(pair.A.Node, pair.B.Node);
            Assert.True(await Send(pair.A, client, 100));
            ValueTask<int> receive = Receive(pair.B, server);
            await pair.A.DelayAsync(5_000_000_000);
            Assert.False(receive.IsCompleted);
            pair.Machine.Links.HealAll();
            Assert.NotEqual(0, await receive);
        });
    }

    [Fact]
    public void A_one_way_cut_lets_the_other_way_through()
    {
        using Pair pair = new(6);
        pair.Run(async (client, server) =>
        {
            pair.Machine.Links.Cut(pair.A.Node, pair.B.Node);
            Assert.True(await Send(pair.B, server, 100));
            await Expect(pair.A, client, 100, []);
        });
    }

    [Fact]
    public void A_cut_that_does_not_heal_breaks_the_connection()
    {
        using Pair pair = new(7);
        pair.Run(async (client, _) =>
        {
            pair.Machine.Links.CutBoth(pair.A.Node, pair.B.Node);
            await Send(pair.A, client, 100);
            Assert.Equal(0, await Receive(pair.A, client));
            Outcome<IConnection> again = await pair.A.Network.ConnectAsync(pair.EndPoint);
            Assert.Equal("connect-timeout", again.Fault!.Code);
        });
    }

    [Fact]
    public void A_peer_that_lost_power_is_silent_and_resets_once_it_is_back()
    {
        using Pair pair = new(8);
        pair.Run(async (client, _) =>
        {
            pair.B.Node.Crash(CrashMode.Random);
            ValueTask<int> receive = Receive(pair.A, client);
            await pair.A.DelayAsync(10_000_000_000);
            Assert.False(receive.IsCompleted);
            pair.B.Node.CreateLoop();
            await Send(pair.A, client, 10);
            Assert.Equal(0, await receive);
            Outcome<IConnection> again = await pair.A.Network.ConnectAsync(pair.EndPoint);
            Assert.Equal("connection-refused", again.Fault!.Code);
        });
    }

    [Fact]
    public void A_sender_that_waits_for_the_window_notices_that_the_peer_is_gone()
    {
        for (ulong seed = 0; seed < 10; seed++)
        {
            using Pair pair = new(seed);
            pair.Run(async (client, _) =>
            {
                ValueTask<bool> blocked = Send(pair.A, client, 2_000_000);
                await pair.A.DelayAsync(2_000_000_000);
                pair.Machine.Links.Cut(pair.B.Node, pair.A.Node);
                pair.B.Node.Crash(CrashMode.Random);
                pair.B.Node.CreateLoop();
                await pair.A.DelayAsync(2_000_000_000);
                pair.Machine.Links.HealAll();
                if (await blocked) await Send(pair.A, client, 100);
                Assert.Equal(0, await Receive(pair.A, client));
            });
        }
    }

    [Fact]
    public void A_one_way_cut_breaks_a_sender_whose_data_is_never_acknowledged()
    {
        using Pair pair = new(11);
        pair.Run(async (client, server) =>
        {
            pair.Machine.Links.Cut(pair.B.Node, pair.A.Node);
            Assert.True(await Send(pair.A, client, 100));
            await Expect(pair.B, server, 100, []);
            Assert.Equal(0, await Receive(pair.A, client));
        });
    }

    [Fact]
    public void A_killed_peer_ends_the_stream()
    {
        using Pair pair = new(9);
        pair.Run(async (client, _) =>
        {
            ValueTask<int> receive = Receive(pair.A, client);
            pair.B.Node.Kill();
            Assert.Equal(0, await receive);
        });
    }

    [Fact]
    public void A_port_in_use_is_refused()
    {
        using Pair pair = new(10);
        pair.B.Run(async () =>
        {
            await pair.B.DelayAsync(1);
            Assert.Equal("address-in-use", pair.B.Network.Listen(pair.EndPoint).Fault!.Code);
        });
    }

    private static async ValueTask<bool> Send(SimulatedLoop loop, IConnection connection, int count)
    {
        IoBuffer buffer = loop.Buffers.Rent(count);
        for (int i = 0; i < count; i++) buffer.Span[i] = (byte)(i % 251);
        IoSlice rest = buffer.Slice.Slice(count / 2, count - (count / 2));
        bool isSent = await connection.SendAsync([buffer.First(count / 2), rest]);
        buffer.Release();
        return isSent;
    }

    private static async ValueTask<int> Receive(SimulatedLoop loop, IConnection connection)
    {
        IoBuffer buffer = loop.Buffers.Rent(65_536);
        int count = await connection.ReceiveAsync(buffer.First(65_536));
        buffer.Release();
        return count;
    }

    private static async ValueTask Expect(
        SimulatedLoop loop, IConnection connection, int total, HashSet<int> sizes)
    {
        IoBuffer buffer = loop.Buffers.Rent(65_536);
        int at = 0;
        while (at < total)
        {
            int count = await connection.ReceiveAsync([buffer.First(48), buffer.Slice.Slice(48, 65_000)]);
            Assert.NotEqual(0, count);
            sizes.Add(count);
            int wrong = Enumerable.Range(0, count).Count(i => buffer.Span[i] != (at + i) % 251);
            Assert.Equal(0, wrong);
            at += count;
        }

        Assert.Equal(total, at);
        buffer.Release();
    }

    private sealed class Pair : IDisposable
    {
        private readonly IListener _listener;

        public Pair(ulong seed)
        {
            Machine = new SimulatedMachine(seed);
            A = Machine.AddNode("a").CreateLoop();
            B = Machine.AddNode("b").CreateLoop();
            EndPoint = new IPEndPoint(B.Node.Address, 3260);
            _listener = B.Network.Listen(EndPoint).Value;
        }

        public SimulatedMachine Machine { get; }

        public SimulatedLoop A { get; }

        public SimulatedLoop B { get; }

        public IPEndPoint EndPoint { get; }

        // The body plays both ends, which no loop of a real host may.
        public void Run(Func<IConnection, IConnection, ValueTask> body)
        {
            IConnection? client = null;
            IConnection? server = null;
            B.Post(async () => server = await _listener.AcceptAsync());
            A.Run(async () =>
            {
                client = (await A.Network.ConnectAsync(EndPoint)).Value;
                while (server is null) await A.DelayAsync(1_000_000);
            });
            Machine.AllowsForeignLoops = true;
            A.Run(() => body(client!, server!));
        }

        public void Dispose() => Machine.Dispose();
    }
}
