using Cstor.Engine.Host;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target;

public sealed class StalledClientsTests
{
    private const long Second = 1_000_000_000;

    /// <summary>Found by the fuzzer: an ordered command behind such writes held up everybody's.</summary>
    [Fact]
    public void Who_keeps_the_data_of_its_writes_is_dropped_though_it_shows_signs_of_life()
    {
        using TargetFixture fixture = new(options: new TargetOptions { BufferLimitBytes = 1024 * 1024 });
        fixture.RunBare(async () =>
        {
            TestInitiator keeps = await fixture.LoggedInAsync("iqn.test:keeps");
            for (int i = 0; i < 8; i++)
                await keeps.SendAsync(keeps.Command(Cdb.Ten(0x2a, 0, 256), 131072, false, true));
            Pdu ordered = keeps.Command(Cdb.Ten(0x28, 0, 512), 262144, true, false);
            ordered.Header[1] = 0xc2;
            await keeps.SendAsync(ordered);
            TestInitiator good = await fixture.LoggedInAsync("iqn.test:good");
            Task life = ShowLifeAsync(keeps).AsTask();
            Assert.True((await good.ReadAsync(Cdb.Ten(0x28, 0, 8), 4096)).IsGood);
            await life;
            Assert.Equal("iqn.test:good", Assert.Single(fixture.Server.List()[0].Sessions).InitiatorName);
        });
    }

    /// <summary>Until the target ends the connection.</summary>
    private static async ValueTask ShowLifeAsync(TestInitiator initiator)
    {
        var alive = new Pdu(0x40) { TaskTag = uint.MaxValue };
        alive[20] = uint.MaxValue;
        alive[24] = initiator.CmdSn;
        IoBuffer buffer = initiator.Loop.Buffers.Rent(Pdu.HeaderBytes);
        alive.ToBytes().CopyTo(buffer.Span);
        while (await initiator.Connection.SendAsync([buffer.First(Pdu.HeaderBytes)]))
            await initiator.Loop.DelayAsync(5 * Second);
        buffer.Release();
    }

    [Fact]
    public void Stalled_and_half_open_clients_hold_nobody_up_and_are_dropped()
    {
        using TargetFixture fixture = new(options: new TargetOptions { BufferLimitBytes = 4 * 1024 * 1024 });
        fixture.RunBare(async () =>
        {
            for (int i = 0; i < 4; i++)
            {
                await fixture.ConnectAsync();
                TestInitiator sends = await fixture.LoggedInAsync($"iqn.test:writer-{i}");
                Pdu write = sends.Command(Cdb.Ten(0x2a, 0, 512), 262144, false, true);
                await sends.SendAsync(write); // asks to write, and keeps its data
                TestInitiator takes = await fixture.LoggedInAsync($"iqn.test:reader-{i}");
                for (int command = 0; command < 32; command++)
                    await takes.SendAsync(takes.Command(Cdb.Ten(0x28, 0, 512), 262144, true, false));
            }

            TestInitiator good = await fixture.LoggedInAsync("iqn.test:good");
            long start = fixture.ClientLoop.NowNanoseconds;
            for (uint i = 0; i < 50; i++)
            {
                byte[] data = TargetFixture.Pattern(16384, (int)i);
                Assert.True((await good.WriteAsync(Cdb.Ten(0x2a, 4096 + i * 32, 32), data)).IsGood);
                Assert.Equal(data, (await good.ReadAsync(Cdb.Ten(0x28, 4096 + i * 32, 32), 16384)).Data);
            }

            Assert.True(fixture.ClientLoop.NowNanoseconds - start < 10 * Second);
            for (int i = 0; i < 60; i++)
            {
                await fixture.ClientLoop.DelayAsync(Second);
                Assert.True((await good.ReadAsync(Cdb.TestUnitReady)).IsGood);
            }

            Assert.Equal("iqn.test:good", Assert.Single(fixture.Server.List()[0].Sessions).InitiatorName);
            Assert.Equal(1, fixture.Server.ConnectionCount);
        });
    }
}
