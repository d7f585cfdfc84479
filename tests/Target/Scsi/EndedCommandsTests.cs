using Cstor.Engine.Statistics;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

/// <summary>What the histograms of a unit say of commands that have ended.</summary>
public sealed class EndedCommandsTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Every_command_is_counted_once_with_its_size_though_many_end_in_one_turn() =>
        TargetFixture.Run(async (fixture, initiator) =>
        {
            await initiator.SettleAsync();
            Pdu[] commands =
            [
                .. Enumerable.Range(0, 5).Select(_ => Read(initiator, 8)),
                .. Enumerable.Range(0, 3).Select(_ => Read(initiator, 1)),
                .. Enumerable.Range(0, 2).Select(_ => Read(initiator, 8)),
            ];
            await initiator.SendAsync(commands);
            foreach (Pdu command in commands) await initiator.AnswerAsync(command.TaskTag, []);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 4), new byte[2048]);
            await initiator.ReadAsync(Cdb.Ten(0x35, 0, 0));
            VolumeIo io = Io(fixture);
            Assert.Equal((10, 10), (io.Reads.Count, io.ReadSizes.Count));
            Assert.Equal((7 * 4096) + (3 * 512), io.ReadSizes.Sum);
            Assert.Equal((1, 2048), (io.Writes.Count, io.WriteSizes.Sum));
            Assert.Equal((1, 1), (io.Flushes.Count, io.Stage(IoStage.Commit).Count));
        });

    [Fact]
    public void A_command_takes_from_its_arrival_to_its_answer() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            await initiator.SettleAsync();
            fixture.Volume.Gate = new TaskCompletionSource();
            await initiator.SendAsync(Read(initiator, 8));
            await fixture.ClientLoop.DelayAsync(Second);
            await initiator.SendAsync(Read(initiator, 8));
            await fixture.ClientLoop.DelayAsync(Second);
            Assert.Equal(0, Io(fixture).Reads.Count);
            // On its own loop, which ends a turn then, as it does when a device has answered.
            fixture.ServerLoop.Post(fixture.Volume.Gate.SetResult);
            for (int i = 0; i < 2; i++) await initiator.ExpectAsync(0x25);
            HistogramCounts reads = Io(fixture).Reads;
            Assert.Equal(2, reads.Count);
            Assert.InRange(reads.Sum, 2.99 * Second, 3.01 * Second);
        });

    [Fact]
    public void A_turn_may_end_more_commands_of_different_kinds_than_are_kept_for_its_end() =>
        TargetFixture.Run(
            async (fixture, initiator) =>
            {
                await initiator.SettleAsync();
                // Sizes that alternate make a run of each command.
                Pdu[] commands =
                    [.. Enumerable.Range(0, 700).Select(i => Read(initiator, (ushort)(1 + (i % 2))))];
                await initiator.SendAsync(commands);
                foreach (Pdu command in commands) await initiator.AnswerAsync(command.TaskTag, []);
                VolumeIo io = Io(fixture);
                Assert.Equal((700, 700), (io.Reads.Count, io.ReadSizes.Count));
                Assert.Equal(350 * 3 * 512, io.ReadSizes.Sum);
            },
            new TargetFixture(options: new TargetOptions { CommandWindow = 1024 }));

    private static Pdu Read(TestInitiator initiator, ushort blocks) =>
        initiator.Command(Cdb.Ten(0x28, 0, blocks), blocks * 512, read: true, write: false);

    private static VolumeIo Io(TargetFixture fixture) => Assert.Single(fixture.Server.Io());
}
