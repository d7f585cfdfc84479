using Cstor.Engine.Host;
using Cstor.Engine.Streams;
using Cstor.Engine.Volumes;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>What a stream must not be received into, and what may not be done in the middle of one.</summary>
public sealed class ReceiveRefusalTests
{
    [Fact]
    public void A_full_stream_never_replaces_a_volume()
    {
        using StreamFixture fixture = Sent(1, out byte[] full, out _);
        Assert.Null(fixture.Receive("copy", full));
        Assert.Equal("volume-exists", fixture.Receive("copy", full)?.Code);
        Assert.Equal("volume-exists", fixture.Receive("copy", full, force: true)?.Code);
        Assert.Equal("bad-name", fixture.Receive("no/name", full)?.Code);
    }

    [Fact]
    public void An_incremental_stream_needs_its_snapshot_and_nothing_behind_it()
    {
        using StreamFixture fixture = Sent(2, out byte[] full, out byte[] next);
        Assert.Equal("no-such-volume", fixture.Receive("copy", next)?.Code);
        Assert.Null(fixture.Receive("copy", full));
        TakeThere(fixture, "later");
        Assert.Equal("stream-base", fixture.Receive("copy", next)?.Code);
        Assert.Null(fixture.Receive("copy", next, force: true));
        Assert.Null(fixture.Vault.FindSnapshot("copy", "later"));
        Assert.NotNull(fixture.Vault.FindSnapshot("copy", "two"));
        Assert.Equal("stream-base", fixture.Receive("copy", next)?.Code);
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void A_copy_that_was_written_to_is_left_alone_without_force()
    {
        using StreamFixture fixture = Sent(3, out byte[] full, out byte[] next);
        Assert.Null(fixture.Receive("copy", full));
        byte[] own = StreamFixture.Bytes(4096, 77);
        WriteThere(fixture, own);
        Assert.Equal("volume-changed", fixture.Receive("copy", next)?.Code);
        Volume copy = fixture.Vault.FindVolume("copy")!;
        Assert.False(copy.IsReadOnly);
        Assert.Equal(own, fixture.Content("copy")[..4096]);
        Assert.Null(fixture.Receive("copy", next, force: true));
        Assert.NotEqual(own, fixture.Content("copy")[..4096]);
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void What_is_half_way_is_closed_until_it_is_whole_or_given_up()
    {
        using StreamFixture fixture = Sent(4, out byte[] full, out byte[] next);
        Assert.Null(fixture.Receive("copy", full));
        byte[] before = fixture.Content("copy");
        Assert.Equal("stream-ended", fixture.Receive("copy", next.AsSpan(0, next.Length - 500))?.Code);
        Volume copy = fixture.Vault.FindVolume("copy")!;
        Assert.True(copy is { IsReadOnly: true, IsReceiving: true });
        fixture.There.Run(async () =>
        {
            Assert.Equal(IoStatus.ReadOnly, await fixture.There.WriteAsync(copy, 0, new byte[4096]));
            Assert.Equal("volume-receiving", (await fixture.Vault.SnapshotAsync(["copy"], "x")).Fault?.Code);
            Assert.Equal("volume-receiving",
                (await fixture.Vault.ResizeVolumeAsync("copy", 4096)).Fault?.Code);
            Assert.Equal("volume-receiving",
                (await fixture.Vault.RollbackAsync("copy", "one", false)).Fault?.Code);
            Assert.Equal("volume-receiving",
                (await fixture.Vault.DestroySnapshotAsync("copy", "one")).Fault?.Code);
        });
        Assert.Equal("volume-receiving", fixture.Receive("copy", full)?.Code);
        fixture.There.Run(async () => Assert.Null((await fixture.Vault.Streams.AbortAsync("copy")).Fault));
        Assert.True(copy is { IsReadOnly: false, IsReceiving: false });
        Assert.Equal(before, fixture.Content("copy"));
        fixture.There.Run(async () =>
            Assert.Equal("not-receiving", (await fixture.Vault.Streams.AbortAsync("copy")).Fault?.Code));
        Assert.Null(fixture.Receive("copy", next));
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void A_new_volume_that_is_given_up_is_destroyed()
    {
        using StreamFixture fixture = Sent(5, out byte[] full, out _);
        Assert.Equal("stream-ended", fixture.Receive("copy", full.AsSpan(0, full.Length / 2))?.Code);
        Assert.NotNull(fixture.Vault.FindVolume("copy"));
        fixture.There.Run(async () => Assert.Null((await fixture.Vault.Streams.AbortAsync("copy")).Fault));
        Assert.Null(fixture.Vault.FindVolume("copy"));
        Assert.Null(fixture.Receive("copy", full));
        fixture.AssertClean();
    }

    [Fact]
    public void Two_streams_do_not_go_into_one_volume()
    {
        using StreamFixture fixture = Sent(6, out byte[] full, out _);
        fixture.There.Run(async () =>
        {
            ValueTask<Outcome<StreamReport>> first = fixture.Vault.Streams.ReceiveAsync(
                new ReceiveRequest("copy", false),
                MemoryPipe.Of(fixture.There.Loop, full, null, 1_000_000_000));
            await fixture.There.Loop.DelayAsync(1_500_000_000);
            Outcome<StreamReport> second = await fixture.Vault.Streams.ReceiveAsync(
                new ReceiveRequest("copy", false), MemoryPipe.Of(fixture.There.Loop, full));
            Assert.Equal("volume-busy", second.Fault?.Code);
            Assert.Null((await first).Fault);
        });
        fixture.Close();
    }

    [Fact]
    public void A_pool_closes_while_a_stream_waits_for_ever()
    {
        using StreamFixture fixture = Sent(7, out byte[] full, out _);
        fixture.There.Run(async () =>
        {
            MemoryPipe stuck = MemoryPipe.Of(
                fixture.There.Loop, full.AsSpan(0, full.Length / 2), null, 1_000_000_000);
            ValueTask<Outcome<StreamReport>> receiving =
                fixture.Vault.Streams.ReceiveAsync(new ReceiveRequest("copy", false), stuck);
            await fixture.There.Loop.DelayAsync(1_500_000_000);
            long before = fixture.There.Loop.NowNanoseconds;
            Assert.Equal(IoStatus.Ok, await fixture.Vault.CloseAsync(exported: true));
            Assert.True(fixture.There.Loop.NowNanoseconds - before < 400_000_000);
            Assert.Equal("pool-closing", (await receiving).Fault?.Code);
        });
        Assert.Equal(0, fixture.There.Loop.Buffers.RentedCount);
    }

    [Fact]
    public void A_pool_closes_while_nobody_reads()
    {
        using StreamFixture fixture = Sent(8, out _, out _);
        fixture.Here.Run(async () =>
        {
            TaskCompletionSource<IoStatus> taken = new();
            ValueTask<Outcome<StreamReport>> sending =
                fixture.Tank.Streams.SendAsync(new SendRequest("db", "one"), new StuckSink(taken.Task));
            await fixture.Here.Loop.DelayAsync(1_000_000_000);
            Assert.Equal(IoStatus.Ok, await fixture.Tank.CloseAsync(exported: true));
            taken.SetResult(IoStatus.Ok);
            Assert.Equal("pool-closing", (await sending).Fault?.Code);
        });
        Assert.Equal(0, fixture.Here.Loop.Buffers.RentedCount);
    }

    [Theory]
    [InlineData("db", "nine", null, null, "no-such-snapshot")]
    [InlineData("nine", "one", null, null, "no-such-snapshot")]
    [InlineData("db", "one", "two", null, "not-an-ancestor")]
    [InlineData("db", "one", "one", null, "not-an-ancestor")]
    [InlineData("db", "one", null, "0-1-2", "bad-resume")]
    [InlineData("db", "one", null,
        "00000000000000000000000000000000-11111111111111111111111111111111-5", "bad-resume")]
    public void What_cannot_be_sent_is_said(
        string volume, string snapshot, string? from, string? resume, string code)
    {
        using StreamFixture fixture = Sent(9, out _, out _);
        Assert.Equal(code,
            fixture.FaultOfSend(new SendRequest(volume, snapshot) { From = from, Resume = resume })?.Code);
    }

    /// <summary>A volume with two snapshots, and the streams of both.</summary>
    internal static StreamFixture Sent(ulong seed, out byte[] full, out byte[] next)
    {
        StreamFixture fixture = new(seed);
        Volume volume = fixture.Create("db", 8L << 20, 4096, "off");
        for (int i = 0; i < 600; i++) fixture.Write(volume, i * 3L * 4096, StreamFixture.Bytes(4096, i));
        fixture.Snapshot("db", "one");
        full = fixture.Send("db", "one");
        for (int i = 0; i < 100; i++)
            fixture.Write(volume, i * 11L * 4096, StreamFixture.Bytes(4096, 5000 + i));
        fixture.Unmap(volume, 2 << 20, 1 << 20);
        fixture.Snapshot("db", "two");
        next = fixture.Send("db", "two", "one");
        return fixture;
    }

    private static void TakeThere(StreamFixture fixture, string name) => fixture.There.Run(async () =>
        Assert.Null((await fixture.Vault.SnapshotAsync(["copy"], name)).Fault));

    private static void WriteThere(StreamFixture fixture, byte[] bytes) => fixture.There.Run(async () =>
        Assert.Equal(
            IoStatus.Ok, await fixture.There.WriteAsync(fixture.Vault.FindVolume("copy")!, 0, bytes)));

    private sealed class StuckSink(Task<IoStatus> taken) : IStreamSink
    {
        public ValueTask<IoStatus> WriteAsync(IoSlice from) => new(taken);
    }
}
