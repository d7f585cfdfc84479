using System.Net;
using System.Security.Cryptography;
using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Target.Replication;

public sealed class PeerConnectionTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];

    [Fact]
    public void Two_that_share_a_key_know_each_other_by_name()
    {
        (string? dialer, string? acceptor) = Meet(Key, Key, "two");
        Assert.Null(dialer);
        Assert.Null(acceptor);
    }

    [Fact]
    public void Another_key_is_refused_on_both_sides()
    {
        byte[] other = [.. Key];
        other[31] ^= 1;
        (string? dialer, string? acceptor) = Meet(Key, other, "two");
        Assert.Contains("key", dialer);
        Assert.Contains("key", acceptor);
    }

    [Fact]
    public void A_node_of_another_name_than_was_dialed_is_refused()
    {
        (string? dialer, _) = Meet(Key, Key, "three");
        Assert.Contains("it is two, not three", dialer);
    }

    [Fact]
    public void A_node_of_an_older_version_is_refused_by_reason()
    {
        byte[] hello = new byte[Frame.Bytes + 35];
        new Frame { Kind = FrameKind.Hello }.Write(hello, new byte[35], null);
        BitConverter.TryWriteBytes(hello.AsSpan(4), (ushort)(Frame.CurrentVersion - 1));
        (string? answer, string? acceptor) = Meet(Key, "two", async (loop, connection) =>
        {
            IoBuffer buffer = loop.Buffers.Rent(hello.Length);
            hello.CopyTo(buffer.Span);
            await connection.SendAsync([buffer.First(hello.Length)]);
            int received = 1;
            while (received > 0) received = await connection.ReceiveAsync(buffer.Slice);
            buffer.Release();
            connection.Close();
            return "ended";
        });
        Assert.Equal(
            $"the peer speaks version {Frame.CurrentVersion - 1}, this is {Frame.CurrentVersion}", acceptor);
        Assert.Equal("ended", answer);
    }

    [Fact]
    public void A_frame_that_is_changed_in_any_bit_does_not_pass()
    {
        using AesGcm key = new(Key, Frame.SealBytes);
        byte[] frame = new byte[Frame.Bytes + 24];
        byte[] payload = [.. Enumerable.Range(0, 24).Select(static i => (byte)i)];
        new Frame { Kind = FrameKind.Write, Epoch = 3, Index = 77, Sequence = 5 }.Write(frame, payload, key);
        Assert.NotEqual(payload, frame[Frame.Bytes..]);
        byte[] opened = [.. frame];
        Assert.True(Frame.TryOpen(opened, key));
        Assert.Equal(payload, opened[Frame.Bytes..]);
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            byte[] damaged = [.. frame];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Frame.TryOpen(damaged, key));
        }
    }

    [Fact]
    public void Another_version_and_lengths_beyond_the_bound_are_refused_by_reason()
    {
        Frame frame = new() { Kind = FrameKind.Ping };
        byte[] bytes = new byte[Frame.Bytes];
        frame.Write(bytes, [], null);
        Assert.True(Frame.TryOpen(bytes, null));
        bytes[40] ^= 1;
        Assert.False(Frame.TryOpen(bytes, null));
        Assert.Null(frame.Validate());
        Assert.Contains("version 4", (frame with { Version = 4 }).Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = Frame.MaximumPayloadBytes + 1 }).Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = -1 }).Validate());
        Assert.Contains("kind", (frame with { Kind = (FrameKind)99 }).Validate());
        Assert.Contains("no frame", (frame with { Magic = 1 }).Validate());
    }

    [Fact]
    public void A_record_reads_back_and_nonsense_does_not()
    {
        GroupConfiguration configuration = new(
            4, 9, [new("a", "tank", 1), new("b", "pond", 2), new("c", "lake", 7, IsJoining: true)], "w",
            ["b"]);
        GroupRecord record = new(new Guid("6a3f8b52-0000-4000-8000-000000000001"), 5, true, configuration);
        string right = record.ToString();
        Assert.Equal(right, GroupRecord.Parse(right)!.ToString());
        Assert.Equal(2, configuration.Quorum);
        Assert.Equal(1, configuration.MinimumCopies);
        (string From, string To)[] wrongs =
        [
            (" 5 ", " "), (" open", " shut"), (" 5 ", " x "), ("b:pond:2", "a:pond:2"), ("/w/", "/a/"),
            ("/w/b", "/w/x"), ("/w/b", "/w/c"), ("/w/b", "/w/"), ("b:pond:2", "b:pond:1"),
            ("b:pond:2", "b:pond"), (":joining", ":join"), ("b:pond:2", "b:pond:65536"), ("6a3f", "6a3x"),
        ];
        foreach ((string from, string to) in wrongs)
        {
            Assert.Contains(from, right, StringComparison.Ordinal);
            Assert.Null(GroupRecord.Parse(right.Replace(from, to, StringComparison.Ordinal)));
        }
    }

    private static (string? Dialer, string? Acceptor) Meet(
        byte[] dialerKey, byte[] acceptorKey, string dialed) =>
        Meet(acceptorKey, "two", async (loop, connection) =>
        {
            using PeerConnection dialer = new(loop, connection, "one", isDialer: true);
            string? reason = await dialer.OpenAsync(dialerKey, dialed);
            if (reason is not null) dialer.Close();
            // The other side has yet to read the proof.
            else await loop.DelayAsync(100_000_000);
            return reason;
        });

    private static (string? Dialer, string? Acceptor) Meet(
        byte[] acceptorKey, string name, Func<ILoop, IConnection, ValueTask<string?>> dial)
    {
        using SimulatedMachine machine = new(1);
        SimulatedLoop one = machine.AddNode("one").CreateLoop();
        SimulatedNode node = machine.AddNode(name);
        SimulatedLoop two = node.CreateLoop();
        IPEndPoint endPoint = new(node.Address, 7000);
        string? accepted = "nobody came";
        bool isAccepted = false;
        two.Post(() => _ = AcceptAsync());
        machine.RunFor(1_000_000);
        string? reason = null;
        one.Run(async () =>
        {
            Outcome<IConnection> connection = await one.Network.ConnectAsync(endPoint);
            reason = await dial(one, connection.Value);
            while (!isAccepted) await one.DelayAsync(1_000_000);
        });
        return (reason, accepted);

        async Task AcceptAsync()
        {
            IListener listener = two.Network.Listen(endPoint).Value;
            PeerConnection acceptor = new(two, (await listener.AcceptAsync())!, name, isDialer: false);
            accepted = await acceptor.OpenAsync(acceptorKey, null);
            isAccepted = true;
            if (accepted is not null) acceptor.Close();
        }
    }
}
