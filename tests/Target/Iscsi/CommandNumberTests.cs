using Xunit;

namespace Cstor.Tests.Target.Iscsi;

/// <summary>Gaps in the numbers of commands and how they are closed, RFC 7143 §4.2.2.1, §7.3, §11.6.1.
/// </summary>
public sealed class CommandNumberTests
{
    private const int TaskInProgress = 7;
    private const int AbortTask = 1;

    [Fact]
    public void A_rejected_command_leaves_its_number_open_for_another() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            (Pdu stuck, Pdu twin, Pdu next, Pdu reject) = await RejectAsync(fixture, initiator);
            Assert.Equal((TaskInProgress, twin[24]), (reject.Header[2], reject[28]));
            Pdu other = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            other[24] = twin[24];
            initiator.CmdSn--;
            await initiator.SendAsync(other);
            // What came after the gap had to wait for it.
            Assert.True((await initiator.AnswerAsync(other.TaskTag, [])).IsGood);
            Assert.True((await initiator.AnswerAsync(next.TaskTag, [])).IsGood);
            Assert.Equal(next[24] + 1, initiator.ExpCmdSn);
            await ReleaseAsync(fixture, initiator, stuck);
        });

    [Fact]
    public void A_rejected_commands_number_is_closed_by_an_abort() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            (Pdu stuck, Pdu twin, Pdu next, _) = await RejectAsync(fixture, initiator);
            await AbortAsync(initiator, 4711, twin[24], expected: 0);
            Assert.True((await initiator.AnswerAsync(next.TaskTag, [])).IsGood);
            await ReleaseAsync(fixture, initiator, stuck);
        });

    [Fact]
    public void Commands_that_never_come_are_aborted_in_any_order() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Pdu first = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            Pdu second = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            Pdu third = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            await initiator.SendAsync(third);
            await AbortAsync(initiator, second.TaskTag, second[24], expected: 0);
            await AbortAsync(initiator, first.TaskTag, first[24], expected: 0);
            Assert.True((await initiator.AnswerAsync(third.TaskTag, [])).IsGood);
            // Late after all: their numbers are gone, and nothing is done or answered.
            await initiator.SendAsync(second, first);
            await initiator.SettleAsync();
        });

    [Fact]
    public void An_abort_takes_no_number_outside_the_window_nor_one_after_its_own() => TargetFixture.Run(
        async (_, initiator) =>
        {
            await AbortAsync(initiator, 4711, initiator.CmdSn - 1, expected: 1);
            await AbortAsync(initiator, 4711, initiator.CmdSn, expected: 1);
            await AbortAsync(initiator, 4711, initiator.CmdSn + 100_000, expected: 1);
            await initiator.SettleAsync();
        });

    [Fact]
    public void An_abort_of_a_rejected_command_leaves_the_one_alone_that_has_its_tag() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            (Pdu stuck, Pdu twin, Pdu next, _) = await RejectAsync(fixture, initiator);
            await AbortAsync(initiator, stuck.TaskTag, twin[24], expected: 0);
            Assert.True((await initiator.AnswerAsync(next.TaskTag, [])).IsGood);
            await ReleaseAsync(fixture, initiator, stuck);
        });

    [Fact]
    public void Commands_do_not_wait_for_ever_for_one_that_never_comes() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            await initiator.SettleAsync();
            initiator.CmdSn++;
            bool isOpen = true;
            // It goes on sending, so it is not its silence that ends the connection.
            for (int second = 0; second < 60 && isOpen; second++)
            {
                await initiator.SendAsync(initiator.Command(Cdb.TestUnitReady, 0, false, false));
                await fixture.ClientLoop.DelayAsync(1_000_000_000);
                isOpen = await initiator.DrainAsync();
            }

            Assert.False(isOpen);
        });

    /// <summary>Sends a read that does not end before <see cref="ReleaseAsync"/>.</summary>
    private static async ValueTask<Pdu> StickAsync(TargetFixture fixture, TestInitiator initiator)
    {
        fixture.Volume.Gate = new TaskCompletionSource();
        Pdu stuck = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
        await initiator.SendAsync(stuck);
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        return stuck;
    }

    /// <summary>
    /// Sends a command with the tag of one that is stuck, which is rejected, and one after it, which waits.
    /// </summary>
    private static async ValueTask<(Pdu Stuck, Pdu Twin, Pdu Next, Pdu Reject)> RejectAsync(
        TargetFixture fixture, TestInitiator initiator)
    {
        Pdu stuck = await StickAsync(fixture, initiator);
        Pdu twin = initiator.Command(Cdb.TestUnitReady, 0, false, false);
        twin.TaskTag = stuck.TaskTag;
        Pdu next = initiator.Command(Cdb.TestUnitReady, 0, false, false);
        await initiator.SendAsync(twin, next);
        return (stuck, twin, next, await initiator.ExpectAsync(0x3f));
    }

    private static async ValueTask ReleaseAsync(TargetFixture fixture, TestInitiator initiator, Pdu stuck)
    {
        fixture.Volume.Gate!.SetResult();
        fixture.Volume.Gate = null;
        Assert.True((await initiator.AnswerAsync(stuck.TaskTag, [])).IsGood);
        await initiator.SettleAsync();
    }

    private static async ValueTask AbortAsync(TestInitiator initiator, uint tag, uint cmdSn, int expected)
    {
        Pdu abort = initiator.TaskManagement(AbortTask, tag);
        abort[32] = cmdSn;
        await initiator.SendAsync(abort);
        Assert.Equal(expected, (await initiator.ExpectAsync(0x22)).Header[2]);
    }
}
