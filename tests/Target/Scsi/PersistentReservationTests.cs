using System.Buffers.Binary;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

public sealed class PersistentReservationTests
{
    private const int Register = 0;
    private const int Reserve = 1;
    private const int Release = 2;
    private const int Clear = 3;
    private const int Preempt = 4;
    private const int PreemptAndAbort = 5;
    private const int RegisterAndIgnore = 6;

    [Theory]
    [InlineData(1, false, true, false, true)]
    [InlineData(3, false, false, false, false)]
    [InlineData(5, true, true, false, true)]
    [InlineData(6, true, true, false, false)]
    [InlineData(7, true, true, false, true)]
    [InlineData(8, true, true, false, false)]
    public void Each_type_lets_in_whom_it_should(
        byte type, bool registeredWrites, bool registeredReads, bool strangerWrites, bool strangerReads) =>
        TargetFixture.Run(async (fixture, holder) =>
        {
            TestInitiator registered = await fixture.LoggedInAsync("iqn.test:two");
            TestInitiator stranger = await fixture.LoggedInAsync("iqn.test:three");
            Assert.Equal(0, await Out(holder, Register, 0, 11));
            Assert.Equal(0, await Out(registered, Register, 0, 22));
            Assert.Equal(0, await Out(holder, Reserve, 11, 0, type));
            Assert.Equal((true, true), await Access(holder));
            Assert.Equal((registeredWrites, registeredReads), await Access(registered));
            Assert.Equal((strangerWrites, strangerReads), await Access(stranger));
            Assert.True((await stranger.ReadAsync(Cdb.TestUnitReady)).IsGood);
            Assert.True((await stranger.ReadAsync(Cdb.Inquiry(), 36)).IsGood);
        });

    [Fact]
    public void Keys_guard_every_action() => TargetFixture.Run(async (fixture, one) =>
    {
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        Assert.Equal(0x18, await Out(one, Reserve, 1, 0, 1));
        Assert.Equal(0x18, await Out(one, Register, 5, 1));
        Assert.Equal(0, await Out(one, Register, 0, 1));
        Assert.Equal(0x18, await Out(one, Register, 2, 3));
        Assert.Equal(0, await Out(one, RegisterAndIgnore, 99, 3));
        Assert.Equal(0x18, await Out(one, Reserve, 1, 0, 1));
        Assert.Equal(0, await Out(one, Reserve, 3, 0, 1));
        Assert.Equal(0, await Out(two, Register, 0, 2));
        Assert.Equal(0x18, await Out(two, Reserve, 2, 0, 1));
        Assert.Equal(0, await Out(two, Release, 2, 0, 1));
        Assert.Equal(0x052604, await Out(one, Release, 3, 0, 3));
        Assert.Equal(0, await Out(one, Release, 3, 0, 1));
        Assert.Equal(0x052400, await Out(one, Reserve, 3, 0, 2));
        Assert.Equal(0x18, (await one.ReadAsync([0x16, 0, 0, 0, 0, 0])).Status);
        Assert.Equal(0x18, (await one.ReadAsync([0x17, 0, 0, 0, 0, 0])).Status);
    });

    [Fact]
    public void Registrations_outlive_the_session_and_a_reset() => TargetFixture.Run(async (fixture, one) =>
    {
        Assert.Equal(0, await Out(one, Register, 0, 7));
        Assert.Equal(0, await Out(one, Reserve, 7, 0, 1));
        await one.SendAsync(one.TaskManagement(5));
        await one.ExpectAsync(0x22);
        one.Connection.Close();
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        Assert.Equal((false, true), await Access(two));
        TestInitiator again = await fixture.LoggedInAsync("iqn.test:one");
        Assert.Equal((true, true), await Access(again));
        byte[] reservation = (await two.ReadAsync(In(1), 255)).Data;
        Assert.Equal(7ul, BinaryPrimitives.ReadUInt64BigEndian(reservation.AsSpan(8)));
    });

    [Fact]
    public void Preempting_takes_the_reservation_and_tells_the_victim() =>
        TargetFixture.Run(async (fixture, one) =>
    {
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        await Out(one, Register, 0, 11);
        await Out(two, Register, 0, 22);
        await Out(one, Reserve, 11, 0, 1);
        Assert.Equal(0x18, await Out(two, Preempt, 22, 33, 1));
        Assert.Equal(0, await Out(two, Preempt, 22, 11, 3));
        Assert.Equal(0x062a05, (await one.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        Assert.Equal((false, false), await Access(one));
        Assert.Equal((true, true), await Access(two));
        Assert.Equal(0x18, await Out(one, Release, 11, 0, 3));
    });

    [Fact]
    public void Preempt_and_abort_takes_the_victims_tasks_too() => TargetFixture.Run(async (fixture, one) =>
    {
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        await Out(one, Register, 0, 11);
        await Out(two, Register, 0, 22);
        await Out(one, Reserve, 11, 0, 1);
        await one.SendAsync(one.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true));
        Pdu request = await one.ExpectAsync(0x31);
        Assert.Equal(0, await Out(two, PreemptAndAbort, 22, 11, 1));
        await one.SendAsync(one.DataOut(request.TaskTag, request[20], 0, 0, new byte[512], true));
        Assert.Equal(0x062a05, (await one.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        Assert.Equal(0, fixture.Volume.Writes);
    });

    [Fact]
    public void Clearing_and_releasing_tell_the_other_registrants() =>
        TargetFixture.Run(async (fixture, one) =>
    {
        TestInitiator two = await fixture.LoggedInAsync("iqn.test:two");
        await Out(one, Register, 0, 11);
        await Out(two, Register, 0, 22);
        await Out(one, Reserve, 11, 0, 5);
        Assert.Equal(0, await Out(one, Release, 11, 0, 5));
        Assert.Equal(0x062a04, (await two.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        Assert.Equal(0, await Out(one, Clear, 11, 0));
        Assert.Equal(0x062a03, (await two.ReadAsync(Cdb.TestUnitReady)).SenseCode);
        Assert.Equal(8, (await one.ReadAsync(In(0), 255)).Data.Length);
    });

    [Fact]
    public void Full_status_names_the_ports() => TargetFixture.Run(async (_, one) =>
    {
        await Out(one, Register, 0, 11);
        await Out(one, Reserve, 11, 0, 3);
        byte[] status = (await one.ReadAsync(In(3), 255)).Data;
        Assert.Equal(status.Length - 8, BinaryPrimitives.ReadInt32BigEndian(status.AsSpan(4)));
        Assert.Equal((1, 3, 0x45), (status[20], status[21], status[32]));
        Assert.Contains("iqn.test:one,i,0x800000000001", System.Text.Encoding.ASCII.GetString(status));
        Assert.Equal(8, (await one.ReadAsync(In(2), 255)).Data.Length);
    });

    [Fact]
    public void What_is_not_offered_is_refused() => TargetFixture.Run(async (_, one) =>
    {
        Assert.Equal(0x052600, await Out(one, Register, 0, 11, 0, 0x02));
        Assert.Equal(0x051a00,
            (await one.WriteAsync([0x5f, 0, 0, 0, 0, 0, 0, 0, 20, 0], new byte[20])).SenseCode);
        Assert.Equal(0x052400, await Out(one, 8, 0, 11));
    });

    private static byte[] In(byte action) => [0x5e, action, 0, 0, 0, 0, 0, 0, 255, 0];

    /// <summary>Status, or the sense code where there is one.</summary>
    private static async ValueTask<int> Out(
        TestInitiator initiator, int action, ulong key, ulong actionKey, byte type = 0, byte flags = 0)
    {
        byte[] list = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), actionKey);
        list[20] = flags;
        ScsiAnswer answer = await initiator.WriteAsync([0x5f, (byte)action, type, 0, 0, 0, 0, 0, 24, 0],
            list);
        return answer.SenseCode != 0 ? answer.SenseCode : answer.Status;
    }

    private static async ValueTask<(bool Writes, bool Reads)> Access(TestInitiator initiator)
    {
        ScsiAnswer write = await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 1), new byte[512]);
        ScsiAnswer read = await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 512);
        Assert.True(write.Status is 0 or 0x18 && read.Status is 0 or 0x18);
        return (write.IsGood, read.IsGood);
    }
}
