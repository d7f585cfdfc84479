using System.Net;
using System.Runtime.InteropServices;
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
        foreach (bool isEncrypting in (bool[])[true, false])
        {
            (string? dialer, string? acceptor) = Meet(Key, Key, "two", isEncrypting, isEncrypting);
            Assert.Null(dialer);
            Assert.Null(acceptor);
        }
    }

    [Fact]
    public void A_node_that_encrypts_and_one_that_does_not_refuse_each_other_by_reason()
    {
        (string? dialer, string? acceptor) = Meet(Key, Key, "two", true, false);
        Assert.Contains("two does not encrypt, and this node does", dialer);
        Assert.Contains("one encrypts, and this node does not", acceptor);
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
        byte[] hello = new byte[RecordHead.Bytes + Frame.Bytes + RecordSeal.Bytes];
        using ChecksumSeal seal = ChecksumSeal.WithoutKey();
        new RecordHead { BodyBytes = Frame.Bytes }
            .Close(hello, hello.AsSpan(RecordHead.Bytes, Frame.Bytes), seal);
        BitConverter.TryWriteBytes(hello.AsSpan(4), (ushort)(RecordHead.CurrentVersion - 1));
        (string? answer, string? acceptor) = Meet(Key, "two", true, async (loop, connection) =>
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
            $"the peer speaks version {RecordHead.CurrentVersion - 1}, this is {RecordHead.CurrentVersion}",
            acceptor);
        Assert.Equal("ended", answer);
    }

    [Theory]
    [InlineData(24, true)]
    [InlineData(40_000, true)]
    [InlineData(24, false)]
    [InlineData(40_000, false)]
    public void A_record_that_is_changed_in_any_bit_does_not_pass(int payloadBytes, bool isEncrypting)
    {
        using BufferPool buffers = new(1 << 21);
        byte[] payload = [.. Enumerable.Range(0, payloadBytes).Select(static i => (byte)(i % 251))];
        byte[] record = RecordsOf(buffers, isEncrypting, payload).Single();
        Assert.Equal(isEncrypting, record.AsSpan().IndexOf(payload.AsSpan(0, 24)) < 0);
        (Frame Frame, byte[] Payload) frame =
            Read(buffers, record, out string? failure, isEncrypting).Single();
        Assert.Null(failure);
        Assert.Equal((FrameKind.Write, 3UL, 77UL), (frame.Frame.Kind, frame.Frame.Epoch, frame.Frame.Index));
        Assert.Equal(payload, frame.Payload);
        int step = Math.Max(1, record.Length / 100);
        for (int bit = 0; bit < record.Length * 8; bit += bit < 1000 ? 1 : step)
        {
            // A longer body is awaited; that it does not come, the connection notices.
            if (bit / 8 is >= 8 and < 12) continue;
            byte[] damaged = [.. record];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Empty(Read(buffers, damaged, out failure, isEncrypting));
            Assert.NotNull(failure);
        }
    }

    [Fact]
    public void Frames_of_a_turn_share_a_record_and_long_payloads_have_their_own()
    {
        using BufferPool buffers = new(1 << 20);
        byte[] small = new byte[4096];
        byte[][] records = RecordsOf(buffers, true, small, small, new byte[40_000], small);
        Assert.Equal(3, records.Length);
        byte[] all = [.. records.SelectMany(static record => record)];
        Assert.Equal(
            [4096, 4096, 40_000, 4096],
            Read(buffers, all, out string? failure).Select(static frame => frame.Payload.Length));
        Assert.Null(failure);
        Assert.Empty(Read(buffers, records[1], out failure));
        Assert.Contains("missing or came twice", failure);
        Assert.Equal(2, Read(buffers, [.. records[0], .. records[0]], out failure).Count);
        Assert.Contains("missing or came twice", failure);
    }

    [Fact]
    public void Another_version_and_lengths_beyond_the_bound_are_refused_by_reason()
    {
        RecordHead head = new()
        {
            Magic = RecordHead.MagicValue, Version = RecordHead.CurrentVersion, BodyBytes = Frame.Bytes,
        };
        Assert.Null(head.Validate());
        Assert.Contains("version 2", (head with { Version = 2 }).Validate());
        Assert.Contains("no record", (head with { Magic = 1 }).Validate());
        Assert.NotNull((head with { BodyBytes = RecordHead.MaximumBodyBytes + 1 }).Validate());
        Assert.NotNull((head with { BodyBytes = Frame.Bytes - 1 }).Validate());
        Assert.NotNull((head with { BodyBytes = -1 }).Validate());
        Assert.NotNull((head with { ClearBytes = 8 }).Validate());
        Frame frame = new() { Kind = FrameKind.Ping };
        Assert.Null(frame.Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = Frame.MaximumPayloadBytes + 1 }).Validate());
        Assert.Contains("payload", (frame with { PayloadBytes = -1 }).Validate());
        Assert.Contains("kind", (frame with { Kind = (FrameKind)99 }).Validate());
    }

    [Fact]
    public void A_frame_that_claims_more_than_its_record_has_ends_the_connection()
    {
        using BufferPool buffers = new(1 << 20);
        foreach (int claimed in (int[])[1, 200])
        {
            byte[] record = new byte[RecordHead.Bytes + Frame.Bytes + RecordSeal.Bytes];
            Frame frame = new() { Kind = FrameKind.Ping, PayloadBytes = claimed };
            MemoryMarshal.Write(record.AsSpan(RecordHead.Bytes), in frame);
            using EncryptingSeal seal = new(Key);
            new RecordHead { BodyBytes = Frame.Bytes }
                .Close(record, record.AsSpan(RecordHead.Bytes, Frame.Bytes), seal);
            Assert.Empty(Read(buffers, record, out string? failure));
            Assert.Contains("ends within a payload", failure);
        }
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

    private static RecordSeal SealOf(bool isEncrypting) =>
        isEncrypting ? new EncryptingSeal(Key) : new ChecksumSeal(Key);

    private static byte[][] RecordsOf(BufferPool buffers, bool isEncrypting, params byte[][] payloads)
    {
        using RecordWriter writer = new(buffers);
        writer.Use(SealOf(isEncrypting));
        foreach (byte[] payload in payloads)
            Assert.True(
                writer.TryAdd(new Frame { Kind = FrameKind.Write, Epoch = 3, Index = 77 }, payload));
        IoSlice[] pieces = new IoSlice[8];
        int count = writer.Take(pieces);
        byte[][] records = [.. pieces.Take(count).Select(static piece => piece.Span.ToArray())];
        writer.Sent(count);
        Assert.True(writer.IsEmpty);
        Assert.Equal(0, writer.QueuedBytes);
        return records;
    }

    private static List<(Frame Frame, byte[] Payload)> Read(
        BufferPool buffers, byte[] bytes, out string? failure, bool isEncrypting = true)
    {
        using RecordReader reader = new(buffers.Rent(RecordReader.BufferBytes));
        reader.Use(SealOf(isEncrypting));
        bytes.CopyTo(reader.Room().Span);
        reader.Received(bytes.Length);
        List<(Frame, byte[])> frames = [];
        while (reader.TryTake(out Frame frame, out IoSlice payload))
            frames.Add((frame, payload.Span.ToArray()));
        failure = reader.Failure;
        return frames;
    }

    private static (string? Dialer, string? Acceptor) Meet(
        byte[] dialerKey, byte[] acceptorKey, string dialed, bool dialerEncrypts = true,
        bool acceptorEncrypts = true) =>
        Meet(acceptorKey, "two", acceptorEncrypts, async (loop, connection) =>
        {
            using PeerConnection dialer = new(loop, connection, "one", isDialer: true, dialerEncrypts);
            string? reason = await dialer.OpenAsync(dialerKey, dialed);
            if (reason is not null) dialer.Close();
            // The other side has yet to read the proof.
            else await loop.DelayAsync(100_000_000);
            return reason;
        });

    private static (string? Dialer, string? Acceptor) Meet(
        byte[] acceptorKey, string name, bool acceptorEncrypts,
        Func<ILoop, IConnection, ValueTask<string?>> dial)
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
            PeerConnection acceptor = new(
                two, (await listener.AcceptAsync())!, name, isDialer: false, acceptorEncrypts);
            accepted = await acceptor.OpenAsync(acceptorKey, null);
            isAccepted = true;
            if (accepted is not null) acceptor.Close();
        }
    }
}
