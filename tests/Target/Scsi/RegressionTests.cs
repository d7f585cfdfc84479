using Cstor.Engine.Host;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

/// <summary>
/// What a well-known predecessor got wrong, one test each; the number is that of the finding in docs/scsi.md.
/// </summary>
public sealed class RegressionTests
{
    [Fact]
    public void Finding_3_a_nop_out_that_is_not_immediate_is_answered() =>
        TargetFixture.Run(async (_, initiator) =>
    {
        var nop = new Pdu(0x00) { TaskTag = 7, Data = [1, 2, 3] };
        nop[20] = uint.MaxValue;
        nop[24] = initiator.CmdSn++;
        await initiator.SendAsync(nop);
        Assert.Equal(nop.Data, (await initiator.ExpectAsync(0x20)).Data);
        await initiator.SettleAsync();
    });

    [Fact]
    public void Finding_4_unmap_frees_and_reads_as_zeroes() => TargetFixture.Run(async (fixture, initiator) =>
    {
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 64), TargetFixture.Pattern(64 * 512));
        Assert.Equal(8, fixture.Volume.AllocatedBlocks);
        (byte[] cdb, byte[] data) = Cdb.Unmap((0, 16), (32, 8), (50, 3));
        Assert.True((await initiator.WriteAsync(cdb, data)).IsGood);
        Assert.Equal(5, fixture.Volume.AllocatedBlocks);
        byte[] read = (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 64), 64 * 512)).Data;
        byte[] expected = TargetFixture.Pattern(64 * 512);
        expected.AsSpan(0, 16 * 512).Clear();
        expected.AsSpan(32 * 512, 8 * 512).Clear();
        expected.AsSpan(50 * 512, 3 * 512).Clear();
        Assert.Equal(expected, read);
    });

    [Fact]
    public void Unmap_of_a_wrong_list_frees_nothing() => TargetFixture.Run(async (fixture, initiator) =>
    {
        (byte[] cdb, byte[] data) = Cdb.Unmap((0, 8), (64 * 2048, 8));
        Assert.Equal(0x052100, (await initiator.WriteAsync(cdb, data)).SenseCode);
        Assert.Equal(0x051a00, (await initiator.WriteAsync(Cdb.Ten(0x42, 0, 7), data[..7])).SenseCode);
        Assert.Equal(0x052400, (await initiator.WriteAsync(Cdb.Ten(0x42, 0, 24, 1), data[..24])).SenseCode);
        Assert.True((await initiator.ReadAsync(Cdb.Ten(0x42, 0, 0))).IsGood);
        Assert.Equal(0, fixture.Volume.Unmaps);
    });

    [Fact]
    public void Space_that_runs_short_is_told_to_every_nexus_once() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            fixture.Volume.SpaceWarnings++;
            Assert.True((await initiator.ReadAsync(Cdb.Inquiry(0xb2), 255)).IsGood);
            Assert.Equal(0x063807, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).SenseCode);
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).IsGood);
            Assert.Equal(0x063807, (await other.ReadAsync(new byte[6])).SenseCode);
            Assert.True((await other.ReadAsync(new byte[6])).IsGood);
            byte[] recovery = (await initiator.ReadAsync(Cdb.ModeSense6(0x01, flags: 8), 255)).Data;
            Assert.Equal(0x80, recovery[4 + 7]);
        });

    [Fact]
    public void Finding_8_a_full_pool_refuses_writes_and_takes_reads_and_unmaps() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.IsFull = true;
            ScsiAnswer refused = await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 8), new byte[4096]);
            Assert.Equal(0x072707, refused.SenseCode);
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).IsGood);
            (byte[] cdb, byte[] list) = Cdb.Unmap((0, 8));
            Assert.True((await initiator.WriteAsync(cdb, list)).IsGood);
            fixture.Volume.IsFull = false;
            Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 8), new byte[4096])).IsGood);
        });

    [Fact]
    public void Finding_4_write_same_writes_its_pattern_and_frees_for_zeroes() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        byte[] block = TargetFixture.Pattern(512);
        Assert.True((await initiator.WriteAsync(Cdb.Sixteen(0x93, 10, 2000), block)).IsGood);
        byte[] read = (await initiator.ReadAsync(Cdb.Sixteen(0x88, 10, 2000), 2000 * 512)).Data;
        for (int i = 0; i < 2000; i++) Assert.True(read.AsSpan(i * 512, 512).SequenceEqual(block));
        Assert.True((await initiator.WriteAsync(Cdb.Ten(0x41, 16, 8, 0x08), new byte[512])).IsGood);
        Assert.Equal((1, 4096L), (fixture.Volume.Unmaps, fixture.Volume.UnmappedBytes));
        Assert.True((await initiator.ReadAsync(Cdb.Sixteen(0x93, 24, 8, 0x09))).IsGood);
        Assert.Equal(2, fixture.Volume.Unmaps);
        Assert.Equal(0x052400, (await initiator.WriteAsync(Cdb.Sixteen(0x93, 0, 8, 0x18), block)).SenseCode);
        Assert.Equal(0x050e03, (await initiator.WriteAsync(Cdb.Ten(0x41, 0, 8), new byte[1024])).SenseCode);
    });

    [Fact]
    public void Finding_4_compare_and_write_succeeds_and_tells_where_it_failed() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            byte[] old = TargetFixture.Pattern(1024, 1);
            byte[] fresh = TargetFixture.Pattern(1024, 2);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 4, 2), old);
            Assert.True((await initiator.WriteAsync(Cdb.CompareAndWrite(4, 2), [.. old, .. fresh])).IsGood);
            Assert.Equal(fresh, (await initiator.ReadAsync(Cdb.Ten(0x28, 4, 2), 1024)).Data);
            byte[] wrong = [.. fresh];
            wrong[700] ^= 1;
            ScsiAnswer miscompare = await initiator.WriteAsync(Cdb.CompareAndWrite(4, 2), [.. wrong, .. old]);
            Assert.Equal(0x0e1d00, miscompare.SenseCode);
            Assert.Equal(700, miscompare.Sense[5] << 8 | miscompare.Sense[6]);
            Assert.Equal(fresh, (await initiator.ReadAsync(Cdb.Ten(0x28, 4, 2), 1024)).Data);
            Assert.Equal(2, fixture.Volume.Writes);
        });

    [Fact]
    public void Compare_and_write_lets_no_other_writer_between() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        fixture.Volume.Gate = new TaskCompletionSource();
        byte[] zero = new byte[512];
        byte[] one = TargetFixture.Pattern(512, 1);
        byte[] two = TargetFixture.Pattern(512, 2);
        Pdu first = initiator.Command(Cdb.CompareAndWrite(0, 1), 1024, false, true);
        first.Data = [.. zero, .. one];
        Pdu second = initiator.Command(Cdb.CompareAndWrite(0, 1), 1024, false, true);
        second.Data = [.. zero, .. two];
        Pdu elsewhere = initiator.Command(Cdb.Ten(0x2a, 100, 1), 512, false, true);
        elsewhere.Data = zero;
        await initiator.SendAsync(first, second, elsewhere);
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        Assert.Equal((1, 1), (fixture.Volume.Reads, fixture.Volume.Writes));
        fixture.Volume.Gate.SetResult();
        fixture.Volume.Gate = null;
        var status = new Dictionary<uint, int>();
        for (int i = 0; i < 3; i++)
        {
            Pdu answer = await initiator.ExpectAsync(0x21);
            status[answer.TaskTag] = answer.Header[3];
        }

        Assert.Equal((0, 2, 0), (status[first.TaskTag], status[second.TaskTag], status[elsewhere.TaskTag]));
        Assert.Equal(one, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).Data);
    });

    [Fact]
    public void Orwrite_joins_bits() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[] a = TargetFixture.Pattern(1024, 1);
        byte[] b = TargetFixture.Pattern(1024, 2);
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 2), a);
        Assert.True((await initiator.WriteAsync(Cdb.Sixteen(0x8b, 0, 2), b)).IsGood);
        byte[] joined = a.Zip(b, (x, y) => (byte)(x | y)).ToArray();
        Assert.Equal(joined, (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 2), 1024)).Data);
    });

    [Fact]
    public void Finding_4_verify_compares_when_asked_and_reads_when_not() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        byte[] data = TargetFixture.Pattern(2048 * 512);
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 2048), data);
        Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2f, 0, 2048, 0x02), data)).IsGood);
        data[600_000] ^= 1;
        ScsiAnswer miscompare = await initiator.WriteAsync(Cdb.Ten(0x2f, 0, 2048, 0x02), data);
        Assert.Equal(0x0e1d00, miscompare.SenseCode);
        Assert.Equal(0x052400,
            (await initiator.WriteAsync(Cdb.Ten(0x2f, 0, 1, 0x04), data[..512])).SenseCode);

        await initiator.WriteAsync(Cdb.Ten(0x41, 0, 9), data[..512]);
        Assert.True((await initiator.WriteAsync(Cdb.Sixteen(0x8f, 0, 9, 0x06), data[..512])).IsGood);
        Assert.Equal(0x0e1d00,
            (await initiator.WriteAsync(Cdb.Sixteen(0x8f, 0, 10, 0x06), data[..512])).SenseCode);

        int before = fixture.Volume.Reads;
        Assert.True((await initiator.ReadAsync(Cdb.Ten(0x2f, 0, 8))).IsGood);
        Assert.Equal(before + 1, fixture.Volume.Reads);
        fixture.Volume.Failure = IoStatus.ChecksumMismatch;
        Assert.Equal(0x031100, (await initiator.ReadAsync(Cdb.Ten(0x2f, 0, 8))).SenseCode);
    });

    [Fact]
    public void Finding_4_write_and_verify_is_answered_durable_and_read_back() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        byte[] data = TargetFixture.Pattern(512);
        Assert.True((await initiator.WriteAsync(Cdb.Ten(0x2e, 0, 1, 0x02), data)).IsGood);
        Assert.Equal((1, 1, 1), (fixture.Volume.Writes, fixture.Volume.DurableWrites, fixture.Volume.Reads));
    });

    [Fact]
    public void Finding_4_transfers_of_no_blocks_are_answered() => TargetFixture.Run(async (_, initiator) =>
    {
        byte[][] empty =
        [
            Cdb.Ten(0x28, 0, 0), Cdb.Twelve(0xa8, 0, 0), Cdb.Sixteen(0x88, 0, 0), Cdb.Ten(0x2a, 0, 0),
            Cdb.Twelve(0xaa, 0, 0), Cdb.Sixteen(0x8a, 0, 0), Cdb.Ten(0x2e, 0, 0), Cdb.Sixteen(0x8e, 0, 0),
            Cdb.Ten(0x2f, 0, 0), Cdb.Sixteen(0x8f, 0, 0), Cdb.Ten(0x2f, 0, 0, 2), Cdb.Sixteen(0x8b, 0, 0),
            Cdb.CompareAndWrite(0, 0), Cdb.Ten(0x35, 0, 0), Cdb.Sixteen(0x91, 0, 0),
        ];
        foreach (byte[] cdb in empty) Assert.True((await initiator.ReadAsync(cdb)).IsGood);
        Assert.Equal(4, (await initiator.ReadAsync(Cdb.Ten(0x34, 0, 0))).Status);
    });

    [Fact]
    public void Finding_4_force_unit_access_makes_a_write_durable() =>
        TargetFixture.Run(async (fixture, initiator) =>
    {
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512]);
        Assert.Equal(0, fixture.Volume.DurableWrites);
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1, 0x08), new byte[512]);
        await initiator.WriteAsync(Cdb.Twelve(0xaa, 0, 1, 0x08), new byte[512]);
        await initiator.WriteAsync(Cdb.Sixteen(0x8a, 0, 1, 0x18), new byte[512]);
        Assert.Equal(3, fixture.Volume.DurableWrites);
        Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1, 0x08), 512)).IsGood);
    });

    [Fact]
    public void Finding_5_synchronize_cache_flushes_even_with_a_count_cut_to_32_bits() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x35, 0, 0))).IsGood);
            Assert.True((await initiator.ReadAsync(Cdb.Sixteen(0x91, 0, 0x7fff_ffff))).IsGood);
            Assert.True((await initiator.ReadAsync(Cdb.Sixteen(0x91, 0, 0, 0x02))).IsGood);
            Assert.Equal(3, fixture.Volume.Flushes);
            Assert.Equal(0x052100,
                (await initiator.ReadAsync(Cdb.Sixteen(0x91, ulong.MaxValue, 0))).SenseCode);
        });

    [Fact]
    public void A_full_pool_says_so_and_still_unmaps() => TargetFixture.Run(async (fixture, initiator) =>
    {
        fixture.Volume.Failure = IoStatus.NoSpace;
        Assert.Equal(0x072707, (await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).SenseCode);
        fixture.Volume.Failure = IoStatus.Ok;
        (byte[] cdb, byte[] data) = Cdb.Unmap((0, 8));
        Assert.True((await initiator.WriteAsync(cdb, data)).IsGood);
    });

    [Fact]
    public void Finding_2_a_volume_that_hangs_holds_up_nobody_else()
    {
        const string iqn = "iqn.2026-11.io.cstor:tank.other";
        using TargetFixture fixture = new();
        fixture.RunBare(async () =>
        {
            MemoryVolume other = new("tank/other", 1 << 20) { Id = new Guid(7, 0, 0, new byte[8]) };
            Assert.True(fixture.Server.AddTarget(new TargetDefinition(iqn, other)).IsOk);
            TestInitiator stuck = await fixture.LoggedInAsync();
            TestInitiator beside = await fixture.LoggedInAsync("iqn.test:two");
            TestInitiator elsewhere = await fixture.ConnectAsync();
            Assert.Equal(0, await elsewhere.LoginAsync(iqn));
            await elsewhere.SettleAsync();
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu write = stuck.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            write.Data = new byte[512];
            await stuck.SendAsync(write);
            Assert.True((await beside.ReadAsync(Cdb.Inquiry(), 36)).IsGood);
            Assert.True((await elsewhere.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).IsGood);
            Assert.Equal(1, other.Writes);
            Assert.Equal(0, fixture.Volume.Writes - 1);
        });
    }

    [Fact]
    public void Finding_4_a_persistent_reservation_keeps_others_out() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            byte[] register = new byte[24];
            register[15] = 1;
            byte[] reserve = new byte[24];
            reserve[7] = 1;
            Assert.True((await initiator.WriteAsync([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0], register)).IsGood);
            Assert.True((await initiator.WriteAsync([0x5f, 1, 3, 0, 0, 0, 0, 0, 24, 0], reserve)).IsGood);
            Assert.Equal(0x18, (await other.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).Status);
            Assert.Equal(0x18, (await other.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).Status);
        });

    [Fact]
    public void The_null_volume_reads_zeroes_whatever_was_written() => TargetFixture.Run(
        async (_, initiator) =>
        {
            await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 8), TargetFixture.Pattern(4096));
            Assert.Equal(new byte[4096], (await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).Data);
        },
        new TargetFixture(volume: new NullVolume("null", 1L << 30)));
}
