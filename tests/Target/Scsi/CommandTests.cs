using System.Buffers.Binary;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

public sealed class CommandTests
{
    private const uint Blocks = 64 * 1024 * 1024 / 512;

    [Fact]
    public void Every_read_and_write_moves_the_same_blocks() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[] data = TargetFixture.Pattern(8 * 512);
        byte[][] writes =
        [
            Cdb.Six(0x0a, 64, 8), Cdb.Ten(0x2a, 64, 8), Cdb.Twelve(0xaa, 64, 8), Cdb.Sixteen(0x8a, 64, 8),
            Cdb.Ten(0x2e, 64, 8), Cdb.Twelve(0xae, 64, 8), Cdb.Sixteen(0x8e, 64, 8),
        ];
        byte[][] reads = [Cdb.Six(0x08, 64, 8), Cdb.Ten(0x28, 64, 8), Cdb.Twelve(0xa8, 64, 8),
            Cdb.Sixteen(0x88, 64, 8)];
        for (int i = 0; i < writes.Length; i++)
        {
            data[0] = (byte)i;
            Assert.True((await initiator.WriteAsync(writes[i], data)).IsGood);
            foreach (byte[] read in reads)
                Assert.Equal(data, (await initiator.ReadAsync(read, data.Length)).Data);
        }
    });

    [Fact]
    public void Ranges_beyond_the_end_are_refused_by_every_command_that_has_one() => TargetFixture.Run(
        async (_, initiator) =>
        {
            byte[] block = new byte[1024];
            foreach (byte opcode in new byte[] { 0x28, 0xa8, 0x88, 0x2f, 0x34, 0x90 })
                Assert.Equal(0x052100, (await initiator.ReadAsync(For(opcode, Blocks - 1, 2), 0)).SenseCode);
            foreach (byte opcode in new byte[] { 0x2a, 0xaa, 0x8a, 0x2e, 0x41, 0x93, 0x8b })
                Assert.Equal(0x052100,
                    (await initiator.WriteAsync(For(opcode, Blocks - 1, 2), block)).SenseCode);
            Assert.Equal(0x052100,
                (await initiator.ReadAsync(Cdb.Sixteen(0x88, ulong.MaxValue, 1), 512)).SenseCode);
            Assert.Equal(0x052100, (await initiator.ReadAsync(Cdb.Ten(0x28, Blocks + 1, 0))).SenseCode);
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, Blocks, 0))).IsGood);
        });

    [Fact]
    public void Transfers_longer_than_announced_are_refused() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[] limits = (await initiator.ReadAsync(Cdb.Inquiry(0xb0), 255)).Data;
        uint most = BinaryPrimitives.ReadUInt32BigEndian(limits.AsSpan(8));
        Assert.True((await initiator.ReadAsync(Cdb.Sixteen(0x88, 0, most), (int)most * 512)).IsGood);
        ScsiAnswer refused = await initiator.ReadAsync(Cdb.Sixteen(0x88, 0, most + 1), 512);
        Assert.Equal((0x052400, 10), (refused.SenseCode, refused.FieldByte));
    });

    [Fact]
    public void Unknown_opcodes_reserved_bits_and_service_actions_are_told_apart() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Assert.Equal(0x052000, (await initiator.ReadAsync([0xff, 0, 0, 0, 0, 0])).SenseCode);
            ScsiAnswer protect = await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1, 0x20), 512);
            Assert.Equal((0x052400, 1), (protect.SenseCode, protect.FieldByte));
            ScsiAnswer control = await initiator.ReadAsync([0x12, 0, 0, 0, 36, 4], 36);
            Assert.Equal((0x052400, 5), (control.SenseCode, control.FieldByte));
            ScsiAnswer action = await initiator.ReadAsync(Action(0x9e, 0x1f, 32), 32);
            Assert.Equal((0x052400, 1), (action.SenseCode, action.FieldByte));
        });

    [Fact]
    public void Inquiry_tells_a_thin_direct_access_device() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[] standard = (await initiator.ReadAsync(Cdb.Inquiry(), 255)).Data;
        Assert.Equal((0, 6, 2), (standard[0], standard[2], standard[3] & 15));
        byte[] pages = (await initiator.ReadAsync(Cdb.Inquiry(0), 255)).Data;
        foreach (byte page in pages[4..])
        {
            byte[] data = (await initiator.ReadAsync(Cdb.Inquiry(page), 255)).Data;
            Assert.Equal(page, data[1]);
            Assert.Equal(data.Length - 4, data[2] << 8 | data[3]);
        }

        byte[] provisioning = (await initiator.ReadAsync(Cdb.Inquiry(0xb2), 255)).Data;
        Assert.Equal((0xe4, 2), (provisioning[5], provisioning[6]));
        Assert.Equal(0x052400, (await initiator.ReadAsync(Cdb.Inquiry(0xee), 255)).SenseCode);
        Assert.Equal(0x052400, (await initiator.ReadAsync([0x12, 0, 5, 0, 255, 0], 255)).SenseCode);
    });

    [Fact]
    public void Capacity_tells_size_block_and_physical_block() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[] ten = (await initiator.ReadAsync(Cdb.Ten(0x25, 0, 0), 8)).Data;
        Assert.Equal(Blocks - 1, BinaryPrimitives.ReadUInt32BigEndian(ten));
        byte[] sixteen = (await initiator.ReadAsync(Action(0x9e, 0x10, 32), 32)).Data;
        Assert.Equal(Blocks - 1, BinaryPrimitives.ReadUInt64BigEndian(sixteen));
        Assert.Equal(512u, BinaryPrimitives.ReadUInt32BigEndian(sixteen.AsSpan(8)));
        Assert.Equal((3, 0xc0), (sixteen[13] & 15, sixteen[14]));
    });

    [Fact]
    public void A_logical_block_may_have_4096_bytes() => TargetFixture.Run(
        async (_, initiator) =>
        {
            byte[] data = TargetFixture.Pattern(2 * 4096);
            Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2a, 3, 2), data)).IsGood);
            Assert.Equal(data, (await initiator.ReadAsync(Cdb.Ten(0x28, 3, 2), data.Length)).Data);
            byte[] ten = (await initiator.ReadAsync(Cdb.Ten(0x25, 0, 0), 8)).Data;
            Assert.Equal(4096u, BinaryPrimitives.ReadUInt32BigEndian(ten.AsSpan(4)));
        },
        new TargetFixture(logicalBlockBytes: 4096));

    [Fact]
    public void Luns_that_do_not_exist_answer_what_every_lun_answers() =>
        TargetFixture.Run(async (_, initiator) =>
    {
        const ulong lun = 1ul << 48;
        Assert.Equal(0x7f, (await initiator.ReadAsync(Cdb.Inquiry(), 36, lun)).Data[0]);
        Assert.Equal(0x052500, (await initiator.ReadAsync(Cdb.TestUnitReady, 0, lun)).SenseCode);
        byte[] luns = (await initiator.ReadAsync([0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 256, lun)).Data;
        Assert.Equal(8u, BinaryPrimitives.ReadUInt32BigEndian(luns));
    });

    [Fact]
    public void Mode_pages_are_sensed_and_selected() => TargetFixture.Run(async (fixture, initiator) =>
    {
        TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
        byte[] caching = (await initiator.ReadAsync(Cdb.ModeSense6(0x08, flags: 8), 255)).Data;
        Assert.Equal((0x10, 0x04), (caching[2], caching[6] & 4));
        byte[] all = (await initiator.ReadAsync(Cdb.ModeSense6(0x3f), 255)).Data;
        Assert.Equal(all.Length - 1, all[0]);
        Assert.Equal(0x053900, (await initiator.ReadAsync(Cdb.ModeSense6(0x08, control: 3), 255)).SenseCode);
        Assert.Equal(0x052400, (await initiator.ReadAsync(Cdb.ModeSense6(0x11), 255)).SenseCode);

        caching[0] = caching[2] = 0;
        caching[6] = 0;
        Assert.True((await initiator.WriteAsync([0x15, 0x10, 0, 0, (byte)caching.Length, 0],
            caching)).IsGood);
        Assert.Equal(0x062a01, (await other.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).IsGood);
        Assert.Equal(1, fixture.Volume.DurableWrites);
        caching[6] = 1;
        ScsiAnswer refused = await initiator.WriteAsync([0x15, 0x10, 0, 0, (byte)caching.Length, 0], caching);
        Assert.Equal((0x052600, 6), (refused.SenseCode, refused.FieldByte));
        Assert.Equal(0x051a00,
            (await initiator.WriteAsync([0x15, 0x10, 0, 0, 10, 0], caching[..10])).SenseCode);
    });

    [Fact]
    public void Software_write_protection_keeps_writers_out_and_sense_may_be_descriptors() =>
        TargetFixture.Run(
        async (fixture, initiator) =>
        {
            byte[] control = (await initiator.ReadAsync(Cdb.ModeSense6(0x0a, flags: 8), 255)).Data;
            control[0] = control[2] = 0;
            control[4 + 4] |= 0x08;
            control[4 + 2] |= 0x04;
            Assert.True((await initiator.WriteAsync([0x15, 0x10, 0, 0, (byte)control.Length, 0],
                control)).IsGood);
            ScsiAnswer refused = await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512]);
            Assert.Equal((0x72, 0x072702), (refused.Sense[0], refused.SenseCode));
            (byte[] cdb, byte[] data) = Cdb.Unmap((0, 8));
            Assert.Equal(0x072702, (await initiator.WriteAsync(cdb, data)).SenseCode);
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).IsGood);
            Assert.Equal(0, fixture.Volume.Writes + fixture.Volume.Unmaps);
        });

    [Fact]
    public void Every_supported_opcode_is_reported_with_its_usage_and_accepts_it() => TargetFixture.Run(
        async (_, initiator) =>
        {
            byte[] cdb = [0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0];
            byte[] all = (await initiator.ReadAsync(cdb, 0x4000)).Data;
            uint length = BinaryPrimitives.ReadUInt32BigEndian(all);
            Assert.Equal((uint)all.Length - 4, length);
            for (int at = 4; at < all.Length; at += 8)
            {
                bool hasAction = (all[at + 5] & 1) != 0;
                byte[] one = [0xa3, 0x0c, hasAction ? (byte)2 : (byte)1, all[at], all[at + 2], all[at + 3],
                    0, 0, 1, 0, 0, 0];
                byte[] answer = (await initiator.ReadAsync(one, 256)).Data;
                Assert.Equal(3, answer[1] & 7);
                Assert.Equal(all[at], answer[4]);
                Assert.Equal(answer[2] << 8 | answer[3], all[at + 6] << 8 | all[at + 7]);
            }

            byte[] unknown = (await initiator.ReadAsync([0xa3, 0x0c, 1, 0xff, 0, 0, 0, 0, 1, 0, 0, 0],
                256)).Data;
            Assert.Equal(1, unknown[1]);
        });

    [Theory]
    [InlineData((int)IoStatus.DeviceError, 0x031100)]
    [InlineData((int)IoStatus.DeviceGone, 0x020400)]
    [InlineData((int)IoStatus.DeviceTimeout, 0x0b2e02)]
    [InlineData((int)IoStatus.ChecksumMismatch, 0x031100)]
    [InlineData((int)IoStatus.NoSpace, 0x072707)]
    [InlineData((int)IoStatus.ReadOnly, 0x072700)]
    [InlineData((int)IoStatus.OutOfRange, 0x052100)]
    [InlineData((int)IoStatus.PoolStopped, 0x020403)]
    [InlineData((int)IoStatus.Closed, 0x020400)]
    [InlineData((int)IoStatus.Aborted, 0x0b0000)]
    [InlineData((int)IoStatus.NotSupported, 0x052000)]
    public void Each_failure_of_the_volume_has_its_sense(int status, int sense) => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.Failure = (IoStatus)status;
            ScsiAnswer answer = await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096);
            Assert.Equal(sense, answer.SenseCode);
            Assert.Empty(answer.Data);
            fixture.Volume.Failure = IoStatus.NoMemory;
            Assert.Equal(8, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).Status);
        });

    [Fact]
    public void A_capacity_change_is_told_once_to_each_initiator() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        fixture.Volume.SizeBytes *= 2;
        fixture.Server.CapacityChanged(TargetFixture.Iqn);
        Assert.True((await initiator.ReadAsync(Cdb.Inquiry(), 36)).IsGood);
        Assert.Equal(0x062a09, (await initiator.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        byte[] ten = (await initiator.ReadAsync(Cdb.Ten(0x25, 0, 0), 8)).Data;
        Assert.Equal(2 * Blocks - 1, BinaryPrimitives.ReadUInt32BigEndian(ten));
    });

    [Fact]
    public void An_ordered_command_waits_for_those_before_and_holds_up_those_after() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu before = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
            Pdu ordered = initiator.Command(Cdb.Ten(0x35, 0, 0), 0, false, false);
            ordered.Header[1] = (byte)(ordered.Header[1] & ~7 | 2);
            Pdu after = initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false);
            await initiator.SendAsync(before, ordered, after);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.Equal((1, 0), (fixture.Volume.Reads, fixture.Volume.Flushes));
            fixture.Volume.Gate.SetResult();
            foreach (Pdu each in new[] { before, ordered, after })
                Assert.True((await initiator.AnswerAsync(each.TaskTag, [])).IsGood);
        });

    [Fact]
    public void Reservation_of_the_old_kind_keeps_others_out_until_release_or_reset() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            Assert.True((await initiator.ReadAsync([0x16, 0, 0, 0, 0, 0])).IsGood);
            Assert.Equal(0x18, (await other.ReadAsync(Cdb.TestUnitReady)).Status);
            Assert.Equal(0x18, (await other.ReadAsync([0x16, 0, 0, 0, 0, 0])).Status);
            Assert.True((await other.ReadAsync(Cdb.Inquiry(), 36)).IsGood);
            Assert.True((await other.ReadAsync([0x17, 0, 0, 0, 0, 0])).IsGood);
            Assert.Equal(0x18, (await other.ReadAsync(Cdb.TestUnitReady)).Status);
            await other.SendAsync(other.TaskManagement(5));
            await other.ExpectAsync(0x22);
            await other.SettleAsync();
        });

    private static byte[] For(byte opcode, uint lba, ushort blocks) => (opcode >> 5) switch
    {
        1 or 2 => Cdb.Ten(opcode, lba, blocks),
        5 => Cdb.Twelve(opcode, lba, blocks),
        _ => Cdb.Sixteen(opcode, lba, blocks),
    };

    private static byte[] Action(byte opcode, byte action, byte allocation)
    {
        byte[] cdb = Cdb.Sixteen(opcode, 0, allocation);
        cdb[1] = action;
        return cdb;
    }
}
