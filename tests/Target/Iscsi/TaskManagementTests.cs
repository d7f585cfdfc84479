using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class TaskManagementTests
{
    [Fact]
    public void An_aborted_task_is_not_answered_and_the_abort_waits_for_its_end() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu stuck = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
            Pdu abort = initiator.TaskManagement(1, stuck.TaskTag);
            await initiator.SendAsync(stuck, abort);
            ValueTask<Pdu?> answer = initiator.ReceiveAsync();
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.False(answer.IsCompleted);
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Pdu? response = await answer;
            Assert.Equal((0x22, 0), (response!.Opcode, response.Header[2]));
            await initiator.SettleAsync();
        });

    [Fact]
    public void A_task_that_waits_for_data_is_aborted_at_once_and_its_data_ignored() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Pdu write = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            await initiator.SendAsync(write);
            Pdu request = await initiator.ExpectAsync(0x31);
            await initiator.SendAsync(
                initiator.TaskManagement(1, write.TaskTag),
                initiator.DataOut(write.TaskTag, request[20], 0, 0, new byte[512], true));
            Assert.Equal(0, (await initiator.ExpectAsync(0x22)).Header[2]);
            await initiator.SettleAsync();
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Theory]
    [InlineData(1, 0ul, 1)]
    [InlineData(3, 0ul, 5)]
    [InlineData(8, 0ul, 4)]
    [InlineData(9, 0ul, 5)]
    [InlineData(2, 1ul << 48, 2)]
    [InlineData(5, 1ul << 48, 2)]
    [InlineData(2, 0ul, 0)]
    [InlineData(4, 0ul, 0)]
    public void Functions_without_effect_say_why(int function, ulong lun, int response) => TargetFixture.Run(
        async (_, initiator) =>
        {
            await initiator.SendAsync(initiator.TaskManagement(function, 12345, lun));
            Assert.Equal(response, (await initiator.ExpectAsync(0x22)).Header[2]);
            await initiator.SettleAsync();
        });

    [Theory]
    [InlineData(4, 0x062f00)]
    [InlineData(5, 0x062903)]
    [InlineData(6, 0x062903)]
    public void Clearing_and_resets_take_the_others_tasks_and_tell_them(int function, int attention) =>
        TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            fixture.Volume.Gate = new TaskCompletionSource();
            await other.SendAsync(other.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true));
            await other.ExpectAsync(0x31);
            await other.SendAsync(other.Command(Cdb.Ten(0x28, 0, 1), 512, true, false));
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            await initiator.SendAsync(initiator.TaskManagement(function));
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Assert.Equal(0, (await initiator.ExpectAsync(0x22)).Header[2]);
            Assert.Equal(attention, (await other.ReadAsync(Cdb.TestUnitReady)).SenseCode);
            await other.SettleAsync();
            if (function != 4)
                Assert.Equal(attention, (await initiator.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        });

    [Fact]
    public void A_cold_reset_is_answered_and_then_ends_every_session() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            await initiator.SendAsync(initiator.TaskManagement(7));
            Assert.Equal(0, (await initiator.ExpectAsync(0x22)).Header[2]);
            Assert.Null(await initiator.ReceiveAsync());
            Assert.Null(await other.ReceiveAsync());
            Assert.Equal(0, fixture.Server.ConnectionCount);
        });

    [Fact]
    public void A_reset_while_another_sends_data_waits_for_the_segment_under_way() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            Pdu write = other.Command(Cdb.Ten(0x2a, 0, 256), 131072, false, true);
            write.Data = TargetFixture.Pattern(131072);
            byte[] bytes = write.ToBytes();
            await other.SendBytesAsync(bytes[..70000]);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            await initiator.SendAsync(initiator.TaskManagement(5));
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            await other.SendBytesAsync(bytes[70000..]);
            Assert.Equal(0, (await initiator.ExpectAsync(0x22)).Header[2]);
            await other.SettleAsync();
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Fact]
    public void Tasks_are_queried_and_the_nexus_is_reset_at_the_newer_protocol_level() =>
        new TargetFixtureRun(["iSCSIProtocolLevel=2"]).Run(async (fixture, initiator) =>
        {
            Assert.Equal("2", initiator.Agreed["iSCSIProtocolLevel"]);
            byte[] report = [0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0];
            Assert.Equal([0xde, 3, 0, 0], (await initiator.ReadAsync(report, 16)).Data[..4]);
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            Assert.True((await initiator.ReadAsync([0x16, 0, 0, 0, 0, 0])).IsGood);
            Assert.Equal(0x18, (await other.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).Status);

            Assert.Equal(0, await AskAsync(initiator, 9, 12345));
            Assert.Equal(0, await AskAsync(initiator, 10));
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu stuck = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
            await initiator.SendAsync(stuck);
            Assert.Equal(7, await AskAsync(initiator, 9, stuck.TaskTag));
            Assert.Equal(7, await AskAsync(initiator, 10));
            Assert.Equal(2, await AskAsync(initiator, 9, stuck.TaskTag, 1ul << 48));
            Assert.Equal(2, await AskAsync(initiator, 10, lun: 1ul << 48));
            await initiator.SendAsync(initiator.TaskManagement(11));
            Assert.Equal(0, await AskAsync(initiator, 9, stuck.TaskTag));
            Assert.Equal(0, await AskAsync(initiator, 10));
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Assert.Equal(0, (await initiator.ExpectAsync(0x22)).Header[2]);
            Assert.Equal(0x062907, (await initiator.ReadAsync(Cdb.TestUnitReady)).SenseCode);
            Assert.True((await other.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).IsGood);
            Assert.Equal(5, await AskAsync(initiator, 12));
            Assert.Equal(5, await AskAsync(other, 9, 1));
        });

    [Fact]
    public void A_reset_of_the_unit_is_told_though_the_nexus_was_reset_after_it() =>
        new TargetFixtureRun(["iSCSIProtocolLevel=2"]).Run(async (_, initiator) =>
        {
            Assert.Equal(0, await AskAsync(initiator, 5));
            Assert.Equal(0, await AskAsync(initiator, 11));
            Assert.Equal(0x062903, (await initiator.ReadAsync(Cdb.TestUnitReady)).SenseCode);
            Assert.True((await initiator.ReadAsync(Cdb.TestUnitReady)).IsGood);
        });

    [Fact]
    public void A_reset_is_answered_though_a_command_that_was_arriving_comes_damaged() =>
        new TargetFixtureRun(["DataDigest=CRC32C"]).Run(async (fixture, initiator) =>
        {
            await ResetAmidAsync(fixture, initiator, damaged: true);
            Assert.Equal(2, (await initiator.ExpectAsync(0x3f)).Header[2]);
        });

    [Fact]
    public void A_reset_is_answered_though_a_command_that_was_arriving_came_ahead_of_its_turn() =>
        TargetFixture.Run(async (fixture, initiator) =>
        {
            uint first = initiator.CmdSn++;
            await ResetAmidAsync(fixture, initiator, damaged: false);
            initiator.CmdSn = first;
            Assert.Equal(0x062903, (await initiator.ReadAsync(Cdb.TestUnitReady)).SenseCode);
            initiator.CmdSn++;
            await initiator.SettleAsync();
        });

    /// <summary>Another initiator resets the unit while the data of a write is coming.</summary>
    private static async ValueTask ResetAmidAsync(
        TargetFixture fixture, TestInitiator initiator, bool damaged)
    {
        TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
        Pdu write = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
        write.Data = new byte[512];
        byte[] bytes = write.ToBytes(initiator.HeaderDigest, initiator.DataDigest);
        if (damaged) bytes[^1] ^= 1;
        await initiator.SendBytesAsync(bytes[..200]);
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        await other.SendAsync(other.TaskManagement(5));
        ValueTask<Pdu?> answer = other.ReceiveAsync();
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        Assert.False(answer.IsCompleted);
        await initiator.SendBytesAsync(bytes[200..]);
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        Assert.True(answer.IsCompleted);
        Assert.Equal(0x22, (await answer)!.Opcode);
        Assert.Equal(0, fixture.Volume.Writes);
    }

    private static async ValueTask<int> AskAsync(
        TestInitiator initiator, int function, uint tag = uint.MaxValue, ulong lun = 0)
    {
        await initiator.SendAsync(initiator.TaskManagement(function, tag, lun));
        return (await initiator.ExpectAsync(0x22)).Header[2];
    }
}
