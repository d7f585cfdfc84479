using System.Net;
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
    public void A_frame_that_is_changed_in_any_bit_does_not_pass()
    {
        byte[] frame = new byte[Frame.Bytes + 24];
        new Frame { Kind = FrameKind.Write, Epoch = 3, Index = 77 }.Write(frame, new byte[24], Key);
        Assert.True(Frame.SealHolds([.. frame], Key));
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            byte[] damaged = [.. frame];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Frame.SealHolds(damaged, Key));
        }
    }

    [Fact]
    public void Another_version_and_lengths_beyond_the_bound_are_refused_by_reason()
    {
        Frame frame = new() { Kind = FrameKind.Ping };
        byte[] bytes = new byte[Frame.Bytes];
        frame.Write(bytes, [], Key);
        Assert.Null(frame.Validate());
        Assert.Contains("version 2", (frame with { Version = 2 }).Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = Frame.MaximumPayloadBytes + 1 }).Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = -1 }).Validate());
        Assert.Contains("kind", (frame with { Kind = (FrameKind)99 }).Validate());
        Assert.Contains("no frame", (frame with { Magic = 1 }).Validate());
    }

    [Fact]
    public void A_record_reads_back_and_nonsense_does_not()
    {
        GroupConfiguration configuration = new(4, 9, ["a", "b"], "w", ["b"]);
        GroupRecord record = new(5, true, configuration);
        Assert.Equal(record.ToString(), GroupRecord.Parse(record.ToString())!.ToString());
        Assert.Equal(2, configuration.Quorum);
        Assert.Equal(1, configuration.MinimumCopies);
        string[] wrong =
            ["", "5 open", "5 shut 4/9/a,b/w/b", "x open 4/9/a,b/w/b", "5 open 4/9/a,a//a",
                "5 open 4/9/a/a/a", "5 open 4/9/a,b/w/c", "5 open 4/9/a,b/w/", "5 open 4/9//w/b"];
        foreach (string text in wrong) Assert.Null(GroupRecord.Parse(text));
    }

    private static (string? Dialer, string? Acceptor) Meet(
        byte[] dialerKey, byte[] acceptorKey, string dialed)
    {
        using SimulatedMachine machine = new(1);
        SimulatedLoop one = machine.AddNode("one").CreateLoop();
        SimulatedNode node = machine.AddNode("two");
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
            PeerConnection dialer = new(one, connection.Value, "one", isDialer: true);
            reason = await dialer.OpenAsync(dialerKey, dialed);
            if (reason is not null) dialer.Close();
            while (!isAccepted) await one.DelayAsync(1_000_000);
            dialer.Dispose();
        });
        return (reason, accepted);

        async Task AcceptAsync()
        {
            IListener listener = two.Network.Listen(endPoint).Value;
            PeerConnection acceptor = new(two, (await listener.AcceptAsync())!, "two", isDialer: false);
            accepted = await acceptor.OpenAsync(acceptorKey, null);
            isAccepted = true;
            if (accepted is not null) acceptor.Close();
        }
    }
}
