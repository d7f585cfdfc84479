using System.Buffers.Binary;
using System.Text;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

/// <summary>What registrants do beyond reserving: move it, name others, have it kept.</summary>
public sealed class ReservationChangeTests
{
    private const int Register = 0;
    private const int Reserve = 1;
    private const int Release = 2;
    private const int PreemptAndAbort = 5;
    private const int RegisterAndMove = 7;
    private const byte Kept = 0x01;
    private const byte NamesOthers = 0x08;
    private const string PortOne = "iqn.test:one,i,0x800000000001";
    private const string PortTwo = "iqn.test:two,i,0x800000000001";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reservation_moves_to_another_port(bool unregisters) => TargetFixture.Run(
        async (fixture, one) =>
        {
            TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
            await Out(one, Register, Keys(0, 11));
            Assert.Equal(0x18, await Out(one, RegisterAndMove, MoveTo(PortTwo, 11, 22, unregisters)));
            await Out(one, Reserve, Keys(11, 0), 1);
            uint before = await GenerationAsync(one);
            Assert.Equal(0x18, await Out(one, RegisterAndMove, MoveTo(PortTwo, 99, 22, unregisters)));
            Assert.Equal(0x18, await Out(two, RegisterAndMove, MoveTo(PortOne, 0, 22, unregisters)));
            Assert.Equal(0x052600, await Out(one, RegisterAndMove, MoveTo(PortTwo, 11, 0, unregisters)));
            Assert.Equal(0x052600, await Out(one, RegisterAndMove, MoveTo(PortOne, 11, 22, unregisters)));
            Assert.Equal(0, await Out(one, RegisterAndMove, MoveTo(PortTwo, 11, 22, unregisters)));
            Assert.Equal(before + 1, await GenerationAsync(one));
            Assert.True((await two.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).IsGood);
            Assert.Equal(0x18, (await one.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).Status);
            Assert.Equal(unregisters ? 0x18 : 0, await Out(one, Release, Keys(11, 0), 1));
            Assert.Equal(0, await Out(two, Release, Keys(22, 0), 1));
        });

    [Fact]
    public void An_all_registrants_reservation_does_not_move() => TargetFixture.Run(async (_, one) =>
    {
        await Out(one, Register, Keys(0, 11));
        await Out(one, Reserve, Keys(11, 0), 7);
        Assert.Equal(0x18, await Out(one, RegisterAndMove, MoveTo(PortTwo, 11, 22, false)));
    });

    [Fact]
    public void One_port_registers_others_by_name() => TargetFixture.Run(async (fixture, one) =>
    {
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        byte[] id = TransportId("iqn.test:three,i,0x1");
        byte[] ids = [.. id, .. TransportId(PortTwo)];
        byte[] list = [.. Keys(0, 11, NamesOthers), 0, 0, 0, (byte)ids.Length, .. ids];
        Assert.Equal(0, await Out(one, Register, list));
        Assert.Equal(0, await Out(two, Reserve, Keys(11, 0), 5));
        byte[] status = (await one.ReadAsync([0x5e, 3, 0, 0, 0, 0, 0, 8, 0, 0], 2048)).Data;
        string text = Encoding.ASCII.GetString(status);
        foreach (string port in new[] { PortOne, PortTwo, "iqn.test:three,i,0x000000000001" })
            Assert.Contains(port, text, StringComparison.Ordinal);
        Assert.Equal(0x052400, await Out(one, Register, list));
        byte[] cut = list[..^4];
        Assert.Equal(0x052600, await Out(await fixture.LoggedInAsync("iqn.test:four"), Register, cut));
    });

    [Fact]
    public void A_port_with_a_key_of_its_own_is_not_registered_by_another() => TargetFixture.Run(
        async (fixture, one) =>
        {
            TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
            await Out(two, Register, Keys(0, 22));
            byte[] id = TransportId(PortTwo);
            byte[] list = [.. Keys(0, 11, NamesOthers), 0, 0, 0, (byte)id.Length, .. id];
            Assert.Equal(0x18, await Out(one, Register, list));
            Assert.Equal(0x18, await Out(one, Reserve, Keys(11, 0), 5));
        });

    [Fact]
    public void What_is_to_be_kept_is_with_the_volume_when_the_server_starts_anew()
    {
        using TargetFixture first = new();
        first.Volume.ReservationsMaximumBytes = 2000;
        first.RunBare(async () =>
        {
            TestInitiator one = await first.LoggedInAsync();
            Assert.Equal((0x1d, 0x80), await CapabilitiesAsync(one));
            Assert.Equal(0, await Out(one, Register, Keys(0, 0xabc, Kept)));
            Assert.Equal((0x1d, 0x81), await CapabilitiesAsync(one));
            Assert.Equal(0, await Out(one, Reserve, Keys(0xabc, 0), 3));
        });
        Assert.Equal($"3 0 abc@{PortOne}", first.Volume.Reservations);

        using TargetFixture second = new(volume: first.Volume);
        second.RunBare(async () =>
        {
            TestInitiator two = await second.LoggedInAsync("iqn.test:two");
            Assert.Equal(0x18, (await two.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).Status);
            TestInitiator one = await second.LoggedInAsync();
            Assert.True((await one.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).IsGood);
            Assert.Equal(0u, await GenerationAsync(one));
            Assert.Equal(0, await Out(one, Register, Keys(0xabc, 0xdef)));
            Assert.Equal("", first.Volume.Reservations);
        });
    }

    [Fact]
    public void What_cannot_be_kept_is_refused_before_anything_changes() => TargetFixture.Run(
        async (fixture, one) =>
        {
            Assert.Equal(0x052600, await Out(one, Register, Keys(0, 11, Kept)));
            fixture.Volume.ReservationsMaximumBytes = 100;
            Assert.Equal(0x055504, await Out(one, Register, Keys(0, 11, Kept)));
            Assert.Equal(0x18, await Out(one, Reserve, Keys(11, 0), 1));
            fixture.Volume.ReservationsMaximumBytes = 2000;
            fixture.Volume.Failure = IoStatus.PoolStopped;
            Assert.Equal(0x020403, await Out(one, Register, Keys(0, 11, Kept)));
        });

    [Theory]
    [InlineData("1 0")]
    [InlineData("1 5 a@b,i,0x1")]
    [InlineData("2 0 a@b,i,0x1")]
    [InlineData("1 0 xyz@b,i,0x1")]
    [InlineData("1 0 a/70000@b,i,0x1")]
    [InlineData("1 0 a@b,i,0x1 +other")]
    public void A_text_that_makes_no_sense_is_not_taken_for_reservations(string text)
    {
        MemoryVolume volume = new("tank/db", 1 << 20);
        Cstor.Target.Scsi.LogicalUnit unit = new(volume, "iqn.x", 512);
        Assert.False(unit.Reservations.TryLoad(text));
        Assert.False(unit.Reservations.Persistent.HasAny);
    }

    [Fact]
    public void Preempt_and_abort_is_answered_when_the_victims_write_has_ended() => TargetFixture.Run(
        async (fixture, one) =>
        {
            TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
            await Out(one, Register, Keys(0, 11));
            await Out(two, Register, Keys(0, 22));
            await Out(one, Reserve, Keys(11, 0), 1);
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu write = one.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            write.Data = new byte[512];
            await one.SendAsync(write);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            ValueTask<int> preempted = Out(two, PreemptAndAbort, Keys(22, 11), 1);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.False(preempted.IsCompleted);
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Assert.Equal(0, await preempted);
            Assert.Equal(0x062a05, (await one.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        });

    [Fact]
    public void Preempt_and_abort_does_not_wait_for_a_victim_that_waits_for_it() => TargetFixture.Run(
        async (fixture, one) =>
        {
            TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
            await Out(one, Register, Keys(0, 11));
            await Out(two, Register, Keys(0, 22));
            await Out(one, Reserve, Keys(11, 0), 1);
            fixture.Volume.Gate = new TaskCompletionSource();
            await one.SendAsync(one.Command(Cdb.Ten(0x28, 0, 1), 512, true, false));
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            byte[] list = Keys(22, 11);
            Pdu preempt = two.Command([0x5f, PreemptAndAbort, 1, 0, 0, 0, 0, 0, 24, 0], 24, false, true);
            preempt.Header[1] = (byte)((preempt.Header[1] & 0xf8) | 2);
            preempt.Data = list;
            await two.SendAsync(preempt);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Pdu behind = one.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            behind.Data = new byte[512];
            await one.SendAsync(behind);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Assert.True((await two.AnswerAsync(preempt.TaskTag, list)).IsGood);
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Theory]
    [InlineData(0x16)]
    [InlineData(0x17)]
    [InlineData(0x56)]
    [InlineData(0x57)]
    public void Who_shares_the_reservation_may_send_reserve_and_release_to_no_effect(byte opcode) =>
        TargetFixture.Run(async (fixture, one) =>
        {
            byte[] cdb = new byte[opcode < 0x20 ? 6 : 10];
            cdb[0] = opcode;
            TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
            await Out(one, Register, Keys(0, 11));
            Assert.Equal(0x18, (await one.ReadAsync(cdb)).Status);
            await Out(one, Reserve, Keys(11, 0), 5);
            Assert.True((await one.ReadAsync(cdb)).IsGood);
            Assert.Equal(0x18, (await two.ReadAsync(cdb)).Status);
            await Out(two, Register, Keys(0, 22));
            Assert.True((await two.ReadAsync(cdb)).IsGood);
            Assert.True((await two.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).IsGood);
            Assert.True((await one.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512])).IsGood);
        });

    private static byte[] Keys(ulong key, ulong actionKey, byte flags = 0)
    {
        byte[] list = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), actionKey);
        list[20] = flags;
        return list;
    }

    private static byte[] MoveTo(string port, ulong key, ulong newKey, bool unregisters)
    {
        byte[] id = TransportId(port);
        byte[] list = Keys(key, newKey);
        list[17] = unregisters ? (byte)2 : (byte)0;
        list[19] = 1;
        BinaryPrimitives.WriteInt32BigEndian(list.AsSpan(20), id.Length);
        return [.. list, .. id];
    }

    private static byte[] TransportId(string port)
    {
        int nameBytes = Math.Max(20, (port.Length + 4) / 4 * 4);
        byte[] id = new byte[4 + nameBytes];
        id[0] = 0x45;
        id[3] = (byte)nameBytes;
        Encoding.ASCII.GetBytes(port, id.AsSpan(4));
        return id;
    }

    private static async ValueTask<int> Out(TestInitiator from, int action, byte[] list, byte type = 0)
    {
        byte[] cdb = [0x5f, (byte)action, type, 0, 0, 0, 0, 0, (byte)list.Length, 0];
        ScsiAnswer answer = await from.WriteAsync(cdb, list);
        return answer.SenseCode != 0 ? answer.SenseCode : answer.Status;
    }

    private static async ValueTask<uint> GenerationAsync(TestInitiator from) =>
        BinaryPrimitives.ReadUInt32BigEndian(
            (await from.ReadAsync([0x5e, 0, 0, 0, 0, 0, 0, 0, 255, 0], 255)).Data);

    private static async ValueTask<(int Offered, int Kept)> CapabilitiesAsync(TestInitiator from)
    {
        byte[] data = (await from.ReadAsync([0x5e, 2, 0, 0, 0, 0, 0, 0, 255, 0], 255)).Data;
        return (data[2], data[3]);
    }
}
