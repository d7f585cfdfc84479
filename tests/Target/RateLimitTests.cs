using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>In virtual time, so that how long something takes is exact.</summary>
public sealed class RateLimitTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Commands_beyond_the_burst_come_at_the_rate_and_none_is_lost() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(100, 0, 1));
            long began = fixture.ServerLoop.NowNanoseconds;
            // 100 at once from what was saved up, 200 more at 100 a second.
            await ReadAsync(initiator, 300);
            long took = fixture.ServerLoop.NowNanoseconds - began;
            Assert.InRange(took, Second * 19 / 10, Second * 21 / 10);
        });

    [Fact]
    public void Bytes_are_counted_in_both_directions_and_a_large_command_is_not_stuck() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(0, 64 * 1024, 1));
            long began = fixture.ServerLoop.NowNanoseconds;
            Assert.Equal(0, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 512), 512 * 512)).Status);
            Assert.Equal(0, (await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 128), new byte[128 * 512])).Status);
            Assert.Equal(0, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).Status);
            // 256K take 4 s of which one is saved up; the write's 64K one more for the last read.
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, Second * 39 / 10, Second * 41 / 10);
        });

    [Fact]
    public void Limits_change_under_load_and_those_who_wait_go_ahead_at_once() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(1, 0, 1));
            long began = fixture.ServerLoop.NowNanoseconds;
            ValueTask reads = ReadAsync(initiator, 30);
            await fixture.ServerLoop.DelayAsync(2 * Second);
            Limit(fixture, RateLimits.None);
            await reads;
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, 2 * Second, 3 * Second);
        });

    [Fact]
    public void A_burst_saves_up_for_as_long_as_it_says_and_no_longer() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(10, 0, 5));
            await fixture.ClientLoop.DelayAsync(10 * Second);
            long began = fixture.ServerLoop.NowNanoseconds;
            await ReadAsync(initiator, 50);
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, 0, Second / 2);
            await ReadAsync(initiator, 20);
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, Second * 3 / 2, Second * 5 / 2);
        });

    [Fact]
    public void A_flush_and_an_inquiry_do_not_wait_for_limits() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(1, 0, 1));
            await ReadAsync(initiator, 1);
            long began = fixture.ServerLoop.NowNanoseconds;
            Assert.Equal(0, (await initiator.ReadAsync(Cdb.Ten(0x35, 0, 0))).Status);
            byte[] inquiry = new byte[6];
            inquiry[0] = 0x12;
            inquiry[4] = 36;
            Assert.Equal(0, (await initiator.ReadAsync(inquiry, 36)).Status);
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, 0, Second / 2);
        });

    [Fact]
    public void A_command_that_is_held_back_is_aborted_at_once() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(1, 0, 1));
            await ReadAsync(initiator, 1);
            Pdu first = Read(initiator);
            Pdu held = Read(initiator);
            long began = fixture.ServerLoop.NowNanoseconds;
            await initiator.SendAsync(first, held, initiator.TaskManagement(1, held.TaskTag));
            Assert.Equal(0x25, (await initiator.ReceiveAsync())!.Opcode);
            Pdu? answer = await initiator.ReceiveAsync();
            Assert.Equal((0x22, 0), (answer!.Opcode, answer.Header[2]));
            Assert.InRange(fixture.ServerLoop.NowNanoseconds - began, 0, Second / 2);
            await initiator.SettleAsync();
        });

    [Fact]
    public void A_connection_that_ends_takes_what_is_held_back_with_it() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Limit(fixture, new RateLimits(1, 0, 1));
            await initiator.SendAsync([.. Enumerable.Range(0, 20).Select(_ => Read(initiator))]);
            await fixture.ClientLoop.DelayAsync(Second / 10);
            initiator.Connection.Close();
            await fixture.ClientLoop.DelayAsync(Second / 10);
            Assert.Equal(0, fixture.Server.Tasks.RentedCount);
        });

    private static void Limit(TargetFixture fixture, RateLimits limits) =>
        Assert.True(fixture.Server.Reconfigure(fixture.Definition with { Limits = limits }).IsOk);

    private static Pdu Read(TestInitiator initiator) =>
        initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);

    private static async ValueTask ReadAsync(TestInitiator initiator, int count)
    {
        const int depth = 16;
        for (int done = 0; done < count; done += depth)
        {
            int part = Math.Min(depth, count - done);
            await initiator.SendAsync([.. Enumerable.Range(0, part).Select(_ => Read(initiator))]);
            for (int i = 0; i < part; i++) await initiator.ExpectAsync(0x25);
        }
    }
}
