using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target;

public sealed class StatisticsTests
{
    [Fact]
    public void Reads_writes_bytes_and_errors_are_counted_for_session_target_and_unit() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            TestInitiator other = await fixture.LoggedInAsync("iqn.test:two");
            await initiator.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096);
            await initiator.ReadAsync(Cdb.Ten(0x28, 8, 2), 1024);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 4), new byte[2048]);
            await initiator.ReadAsync(Cdb.Ten(0x28, uint.MaxValue, 1), 512);
            await other.WriteAsync(Cdb.Ten(0x2a, 8, 1), new byte[512]);
            TargetStatus status = fixture.Server.List()[0];
            IoCounters one = status.Sessions.Single(s => s.InitiatorName == "iqn.test:one").Counters;
            Assert.Equal(
                (3, 1, 5120, 2048, 1),
                (one.Reads, one.Writes, one.ReadBytes, one.WrittenBytes, one.Errors));
            Assert.Equal(2, status.Counters.Writes);
            Assert.Equal(2560, status.Counters.WrittenBytes);
            Assert.Equal(new UnitCounters(0, 2, 2, 5120, 2560), status.Unit);
        });

    [Fact]
    public void What_a_session_did_stays_with_its_target() => TargetFixture.Run(async (fixture, initiator) =>
    {
        await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 4), new byte[2048]);
        initiator.Connection.Close();
        await fixture.ClientLoop.DelayAsync(1_000_000_000);
        TargetStatus status = fixture.Server.List()[0];
        Assert.Empty(status.Sessions);
        Assert.Equal((1, 0, 1, 2048),
            (status.Logins, status.LoginFailures, status.Counters.Writes, status.Counters.WrittenBytes));
    });

    [Fact]
    public void Refused_logins_rejects_and_bad_digests_are_counted() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Assert.Equal(0x0202, await (await fixture.ConnectAsync()).LoginAsync(name: "iqn.test:stranger"));
            TestInitiator digests = await fixture.LoggedInAsync("iqn.test:two", "DataDigest=CRC32C");
            Pdu write = digests.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            write.Data = new byte[512];
            byte[] bytes = write.ToBytes(dataDigest: true);
            bytes[^1] ^= 1;
            await digests.SendBytesAsync(bytes);
            Assert.Equal(2, (await digests.ExpectAsync(0x3f)).Header[2]);
            await initiator.SendAsync(new Pdu(0x50) { TaskTag = 7 });
            await initiator.ExpectAsync(0x3f);
            TargetStatus status = fixture.Server.List()[0];
            IoCounters all = status.Counters;
            Assert.Equal((1, 2, 1), (status.LoginFailures, all.Rejects, all.DigestErrors));
        },
        new TargetFixture(allowed: ["iqn.test:one", "iqn.test:two"]));
}
