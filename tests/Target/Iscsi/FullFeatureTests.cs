using System.Text;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class FullFeatureTests
{
    [Fact]
    public void What_is_written_is_read_back_at_every_size_and_way_of_transfer() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            foreach (int blocks in new[] { 1, 7, 8, 9, 128, 512, 513, 2048, 4096 })
            {
                foreach (int immediate in new[] { 0, 512, 4096, 262144 })
                {
                    byte[] data = TargetFixture.Pattern(blocks * 512, blocks + immediate);
                    ScsiAnswer wrote = await initiator.WriteAsync(Cdb.Sixteen(0x8a, 17, (uint)blocks), data,
                        immediate);
                    Assert.Equal(0, wrote.SenseCode);
                    Assert.True(wrote.IsGood);
                    ScsiAnswer read = await initiator.ReadAsync(Cdb.Sixteen(0x88, 17, (uint)blocks),
                        blocks * 512);
                    Assert.True(read.IsGood);
                    Assert.Equal(data, read.Data);
                    Assert.Equal(0, read.Flags & 6);
                }
            }
        });

    [Fact]
    public void Digests_cover_headers_and_data_both_ways() => new TargetFixtureRun(keys:
        ["HeaderDigest=CRC32C,None", "DataDigest=CRC32C,None"]).Run(async (_, initiator) =>
        {
            Assert.True(initiator.HeaderDigest && initiator.DataDigest);
            byte[] data = TargetFixture.Pattern(300 * 512);
            Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2a, 5, 300), data, 4096)).IsGood);
            Assert.Equal(data, (await initiator.ReadAsync(Cdb.Ten(0x28, 5, 300), data.Length)).Data);
            Assert.Equal(3, (await initiator.ReadAsync(Cdb.Inquiry(allocation: 3), 3)).Data.Length);
        });

    [Fact]
    public void A_corrupted_header_digest_ends_the_connection() => new TargetFixtureRun(keys:
        ["HeaderDigest=CRC32C"]).Run(async (_, initiator) =>
        {
            byte[] bytes = initiator.Command(Cdb.TestUnitReady, 0, false, false).ToBytes(headerDigest: true);
            bytes[33] ^= 1;
            await initiator.SendBytesAsync(bytes);
            Assert.Null(await initiator.ReceiveAsync());
        });

    [Fact]
    public void A_corrupted_data_digest_fails_the_command_and_changes_nothing() => new TargetFixtureRun(keys:
        ["DataDigest=CRC32C"]).Run(async (fixture, initiator) =>
        {
            Pdu command = initiator.Command(Cdb.Ten(0x2a, 0, 8), 4096, false, true);
            await initiator.SendAsync(command);
            Pdu request = await initiator.ExpectAsync(0x31);
            Pdu data = initiator.DataOut(command.TaskTag, request[20], 0, 0, new byte[4096], true);
            byte[] bytes = data.ToBytes(dataDigest: true);
            bytes[1000] ^= 1;
            await initiator.SendBytesAsync(bytes);
            Assert.Equal(2, (await initiator.ExpectAsync(0x3f)).Header[2]);
            ScsiAnswer answer = await initiator.AnswerAsync(command.TaskTag, []);
            Assert.Equal(0x0b4705, answer.SenseCode);
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Fact]
    public void A_command_with_corrupted_immediate_data_is_rejected_and_may_be_sent_again() =>
        new TargetFixtureRun(
        keys: ["DataDigest=CRC32C"]).Run(async (fixture, initiator) =>
        {
            Pdu command = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            command.Data = TargetFixture.Pattern(512);
            byte[] bytes = command.ToBytes(dataDigest: true);
            bytes[100] ^= 1;
            await initiator.SendBytesAsync(bytes);
            Assert.Equal(2, (await initiator.ExpectAsync(0x3f)).Header[2]);
            Assert.Equal(0, fixture.Volume.Writes);
            await initiator.SendAsync(command);
            Assert.True((await initiator.AnswerAsync(command.TaskTag, [])).IsGood);
            Assert.Equal(1, fixture.Volume.Writes);
        });

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 1000)]
    [InlineData(false, 0)]
    [InlineData(false, 4097)]
    public void A_nop_out_is_echoed_immediate_or_not(bool immediate, int dataBytes) => TargetFixture.Run(
        async (_, initiator) =>
        {
            var nop = new Pdu(immediate ? (byte)0x40 : (byte)0x00) { TaskTag = 77,
                Data = TargetFixture.Pattern(dataBytes) };
            nop[20] = uint.MaxValue;
            nop[24] = immediate ? initiator.CmdSn : initiator.CmdSn++;
            nop[28] = initiator.ExpStatSn;
            await initiator.SendAsync(nop);
            Pdu answer = await initiator.ExpectAsync(0x20);
            Assert.Equal(77u, answer.TaskTag);
            Assert.Equal(uint.MaxValue, answer[20]);
            Assert.Equal(nop.Data, answer.Data);
            Assert.Equal(initiator.CmdSn, initiator.ExpCmdSn);
            await initiator.SettleAsync();
        });

    [Fact]
    public void A_peer_that_shows_no_sign_of_life_is_closed() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        Pdu ping = (await initiator.ReceiveAsync())!;
        Assert.Equal(0x20, ping.Opcode);
        Assert.Equal(uint.MaxValue, ping.TaskTag);
        Assert.NotEqual(uint.MaxValue, ping[20]);
        Assert.Null(await initiator.ReceiveAsync());
        Assert.Equal(0, fixture.Server.ConnectionCount);
    });

    [Fact]
    public void A_peer_that_answers_nops_is_kept() => TargetFixture.Run(async (fixture, initiator) =>
    {
        for (int i = 0; i < 5; i++)
        {
            Pdu ping = (await initiator.ReceiveAsync())!;
            var answer = new Pdu(0x40) { TaskTag = uint.MaxValue };
            answer[20] = ping[20];
            answer[24] = initiator.CmdSn;
            answer[28] = initiator.ExpStatSn;
            await initiator.SendAsync(answer);
        }

        await initiator.SettleAsync();
        Assert.Equal(1, fixture.Server.ConnectionCount);
    });

    [Fact]
    public void Unsolicited_data_then_solicited_data_arrive_in_order() =>
        TargetFixture.Run(async (_, initiator) =>
    {
        byte[] data = TargetFixture.Pattern(400 * 512);
        Pdu command = initiator.Command(Cdb.Ten(0x2a, 3, 400), data.Length, false, true, final: false);
        command.Data = data[..1024];
        await initiator.SendAsync(command);
        await initiator.SendAsync(
            initiator.DataOut(command.TaskTag, uint.MaxValue, 0, 1024, data[1024..5000], false),
            initiator.DataOut(command.TaskTag, uint.MaxValue, 1, 5000, data[5000..70000], true));
        Assert.True((await initiator.AnswerAsync(command.TaskTag, data)).IsGood);
        Assert.Equal(data, (await initiator.ReadAsync(Cdb.Ten(0x28, 3, 400), data.Length)).Data);
    });

    [Theory]
    [InlineData(27, 0, 512)]
    [InlineData(0, 512, 512)]
    [InlineData(0, 0, 1024)]
    public void Data_out_of_sequence_fails_its_command_alone(uint dataSn, int offset, int length) =>
        TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Pdu command = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            await initiator.SendAsync(command);
            Pdu request = await initiator.ExpectAsync(0x31);
            await initiator.SendAsync(initiator.DataOut(
                command.TaskTag, request[20], dataSn, offset, new byte[length], true));
            ScsiAnswer answer = await initiator.AnswerAsync(command.TaskTag, []);
            Assert.Equal(0x0b0c0d, answer.SenseCode);
            Assert.Equal(0, fixture.Volume.Writes);
            await initiator.SettleAsync();
        });

    [Fact]
    public void Unsolicited_data_that_was_not_agreed_on_fails_its_command() => new TargetFixtureRun(keys:
        ["ImmediateData=No", "InitialR2T=Yes"]).Run(async (fixture, initiator) =>
        {
            Pdu command = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            command.Data = new byte[512];
            await initiator.SendAsync(command);
            Assert.Equal(0x0b0c0c, (await initiator.AnswerAsync(command.TaskTag, [])).SenseCode);
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Fact]
    public void Commands_ahead_of_their_turn_wait_and_those_outside_the_window_are_ignored() =>
        TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Pdu first = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            Pdu second = initiator.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            second.Data = TargetFixture.Pattern(512);
            Pdu beyond = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            beyond[24] = initiator.MaxCmdSn + 1;
            Pdu before = initiator.Command(Cdb.TestUnitReady, 0, false, false);
            before[24] = first[24] - 1;
            await initiator.SendAsync(second, beyond, before, second);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.Equal(0, fixture.Volume.Writes);
            await initiator.SendAsync(first);
            Assert.True((await initiator.AnswerAsync(first.TaskTag, [])).IsGood);
            Assert.True((await initiator.AnswerAsync(second.TaskTag, [])).IsGood);
            Assert.Equal(1, fixture.Volume.Writes);
            initiator.CmdSn = second[24] + 1;
            await initiator.SettleAsync();
        });

    [Fact]
    public void The_window_closes_while_commands_are_under_way_and_opens_again() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.Gate = new TaskCompletionSource();
            var tags = new List<uint>();
            for (int i = 0; i < 16; i++)
            {
                Pdu command = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
                tags.Add(command.TaskTag);
                await initiator.SendAsync(command);
            }

            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.Equal(16, fixture.Volume.Reads);
            Assert.Equal(initiator.CmdSn - 16 + 15, initiator.MaxCmdSn);
            fixture.Volume.Gate.SetResult();
            for (int i = 0; i < 16; i++)
                Assert.True(tags.Remove((await initiator.ExpectAsync(0x25)).TaskTag));
            Assert.Equal(initiator.CmdSn + 15, initiator.MaxCmdSn);
        },
        new TargetFixture(options: new TargetOptions { CommandWindow = 16 }));

    [Fact]
    public void Text_longer_than_a_data_segment_is_continued() => TargetFixture.Run(async (fixture, _) =>
    {
        for (int i = 0; i < 100; i++)
            fixture.Server.AddTarget(
                fixture.Definition with { Iqn = $"iqn.2026-11.io.cstor:tank.volume{i:d3}" });
        TestInitiator discovery = await fixture.ConnectAsync();
        Assert.Equal(0, await discovery.LoginAsync(target: null, more: ["MaxRecvDataSegmentLength=512"]));
        var text = new StringBuilder();
        uint tag = uint.MaxValue;
        do
        {
            var request = new Pdu(0x44) { TaskTag = 9 };
            request[20] = tag;
            request[24] = discovery.CmdSn;
            request[28] = discovery.ExpStatSn;
            request.Data = tag == uint.MaxValue ? Encoding.ASCII.GetBytes("SendTargets=All\0") : [];
            await discovery.SendAsync(request);
            Pdu answer = await discovery.ExpectAsync(0x24);
            Assert.True(answer.Data.Length <= 512);
            text.Append(Encoding.ASCII.GetString(answer.Data));
            tag = answer[20];
        }
        while (tag != uint.MaxValue);
        string[] keys = text.ToString().Split('\0', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(101, keys.Count(key => key.StartsWith("TargetName=", StringComparison.Ordinal)));
        Assert.Equal(101, keys.Count(key => key == "TargetAddress=10.0.0.1:3260,1"));
    });

    [Fact]
    public void Logout_is_answered_before_the_connection_ends() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        var logout = new Pdu(0x46) { TaskTag = 5 };
        logout[24] = initiator.CmdSn;
        logout[28] = initiator.ExpStatSn;
        await initiator.SendAsync(logout);
        Assert.Equal(0, (await initiator.ExpectAsync(0x26)).Header[2]);
        Assert.Null(await initiator.ReceiveAsync());
        Assert.Equal(0, fixture.Server.ConnectionCount);
    });

    [Fact]
    public void Unknown_opcodes_and_snack_are_rejected_with_their_header() => TargetFixture.Run(
        async (_, initiator) =>
        {
            foreach ((byte opcode, int reason) in new[] { ((byte)0x50, 3), ((byte)0x5c, 5), ((byte)0x48, 5) })
            {
                var odd = new Pdu(opcode) { TaskTag = 3 };
                await initiator.SendAsync(odd);
                Pdu reject = await initiator.ExpectAsync(0x3f);
                Assert.Equal(reason, reject.Header[2]);
                Assert.Equal(odd.Header, reject.Data);
            }

            await initiator.SettleAsync();
        });

    [Fact]
    public void Additional_header_segments_are_skipped() => TargetFixture.Run(async (_, initiator) =>
    {
        Pdu command = initiator.Command(Cdb.TestUnitReady, 0, false, false);
        command.Ahs = [0, 5, 1, 0, 1, 2, 3, 4];
        await initiator.SendAsync(command);
        Assert.True((await initiator.AnswerAsync(command.TaskTag, [])).IsGood);
    });

    [Fact]
    public void Bidirectional_commands_are_refused() => TargetFixture.Run(async (_, initiator) =>
    {
        Pdu command = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, true);
        await initiator.SendAsync(command);
        Assert.Equal(0x050e03, (await initiator.AnswerAsync(command.TaskTag, [])).SenseCode);
    });

    [Fact]
    public void A_data_segment_longer_than_declared_ends_the_connection() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Pdu command = initiator.Command(Cdb.Ten(0x2a, 0, 600), 307200, false, true);
            command.Data = new byte[262148];
            await initiator.SendAsync(command);
            Assert.Null(await initiator.ReceiveAsync());
        });

    [Fact]
    public void Residuals_tell_what_was_not_transferred() => TargetFixture.Run(async (fixture, initiator) =>
    {
        ScsiAnswer less = await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 2048);
        Assert.True(less.IsGood && less.IsUnderflow && less.Residual == 1536 && less.Data.Length == 512);
        ScsiAnswer more = await initiator.ReadAsync(Cdb.Ten(0x28, 0, 4), 700);
        Assert.True(more.IsGood && more.IsOverflow && more.Residual == 2048 - 700 && more.Data.Length == 700);
        ScsiAnswer wrote = await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 2), TargetFixture.Pattern(512));
        Assert.True(wrote.IsGood && wrote.IsOverflow && wrote.Residual == 512);
        ScsiAnswer excess = await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), TargetFixture.Pattern(10000));
        Assert.True(excess.IsGood && excess.IsUnderflow && excess.Residual == 10000 - 512);
        Assert.Equal(2, fixture.Volume.Writes);
    });

    [Fact]
    public void A_thousand_commands_of_many_sessions_all_come_back() =>
        TargetFixture.Run(async (fixture, first) =>
    {
        TestInitiator[] all = [first, await fixture.LoggedInAsync("iqn.test:two"),
            await fixture.LoggedInAsync("iqn.test:three")];
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                byte[] data = TargetFixture.Pattern(4096, round * 3 + i);
                Assert.True((await all[i].WriteAsync(Cdb.Ten(0x2a, (uint)(i * 800 + round * 8), 8),
                    data)).IsGood);
                uint lba = (uint)(i * 800 + round * 8);
                Assert.Equal(data, (await all[(i + 1) % 3].ReadAsync(Cdb.Ten(0x28, lba, 8), 4096)).Data);
            }
        }

        Assert.Equal(3, fixture.Server.List()[0].Sessions.Count);
    });

    [Fact]
    public void A_client_that_takes_no_answers_holds_little_memory_and_hurts_nobody() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator stalled = await fixture.LoggedInAsync("iqn.test:stalled");
            for (int i = 0; i < 100; i++)
                await stalled.SendAsync(stalled.Command(Cdb.Ten(0x28, 0, 2048), 1024 * 1024, true, false));
            for (int i = 0; i < 20; i++)
                Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 2048), 1024 * 1024)).IsGood);
            Assert.True(fixture.Server.Budget.UsedBytes <= 16 * 1024 * 1024);
        },
        new TargetFixture(options: new TargetOptions { BufferLimitBytes = 16 * 1024 * 1024 }));
}
