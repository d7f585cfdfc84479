using System.Net;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>What changes while initiators are logged in, and who notices.</summary>
public sealed class LiveChangesTests
{
    private const ulong OtherIsid = 0x800000000002;

    [Fact]
    public void New_rules_ask_those_to_leave_whom_they_do_not_allow_and_nobody_else() => TargetFixture.Run(
        async (fixture, stays) =>
        {
            TestInitiator goes = await fixture.LoggedInAsync("iqn.test:two");
            await fixture.ServerLoop.DelayAsync(1); // rules are changed on the server's own loop
            Assert.True(fixture.Server.Reconfigure(fixture.Definition with
            {
                AllowedInitiators = ["iqn.test:one"],
                Chap = new ChapSettings("alice", "secret of alice"),
            }).IsOk);
            Assert.Null(await goes.ReceiveAsync());
            Assert.Equal([1], goes.AsyncEvents);
            Assert.True((await stays.ReadAsync(Cdb.TestUnitReady)).IsGood);
            Assert.Empty(stays.AsyncEvents);
            Assert.Equal(0x0202, await (await fixture.ConnectAsync()).LoginAsync(name: "iqn.test:two"));
            Assert.Equal(0x0201, await (await fixture.ConnectAsync()).LoginAsync(isid: OtherIsid));
            Assert.Equal("iqn.test:one", Assert.Single(fixture.Server.List()[0].Sessions).InitiatorName);
        });

    [Fact]
    public void An_initiator_that_is_asked_to_leave_may_do_so_in_peace() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            ValueTask removal = fixture.Server.RemoveTarget(TargetFixture.Iqn);
            Assert.True((await initiator.ReadAsync(Cdb.Ten(0x28, 0, 1), 512)).IsGood);
            Assert.Equal([1], initiator.AsyncEvents);
            var logout = new Pdu(0x46) { TaskTag = 5 };
            logout[24] = initiator.CmdSn;
            logout[28] = initiator.ExpStatSn;
            long start = fixture.ClientLoop.NowNanoseconds;
            await initiator.SendAsync(logout);
            Assert.Equal(0, (await initiator.ExpectAsync(0x26)).Header[2]);
            await removal;
            Assert.True(fixture.ClientLoop.NowNanoseconds - start < 1_000_000_000);
        });

    [Fact]
    public void A_server_that_stops_says_so() => TargetFixture.Run(async (fixture, initiator) =>
    {
        ValueTask closing = fixture.Server.CloseAsync();
        Assert.Null(await initiator.ReceiveAsync());
        Assert.Equal([2], initiator.AsyncEvents);
        await closing;
    });

    [Theory]
    [InlineData(false, 0x0101)]
    [InlineData(true, 0x0102)]
    public void Logins_are_sent_elsewhere_and_sessions_stay(bool isPermanent, int status) =>
        TargetFixture.Run(async (fixture, initiator) =>
        {
            Assert.True(fixture.Server.Listen(new IPEndPoint(fixture.ServerAddress, 3261)).IsOk);
            Redirection elsewhere = new("10.0.0.1:3261", isPermanent);
            Assert.True(
                fixture.Server.Reconfigure(fixture.Definition with { Redirection = elsewhere }).IsOk);
            TestInitiator sent = await fixture.ConnectAsync();
            Assert.Equal(status, await sent.LoginAsync(isid: OtherIsid));
            Assert.Equal("10.0.0.1:3261", sent.Agreed["TargetAddress"]);
            Assert.Null(await sent.ReceiveAsync());
            TestInitiator arrived = await fixture.ConnectAsync(3261);
            Assert.Equal(0, await arrived.LoginAsync(isid: OtherIsid));
            Assert.True((await initiator.ReadAsync(Cdb.TestUnitReady)).IsGood);
            Assert.Equal(0, fixture.Server.List()[0].LoginFailures);
        });

    [Fact]
    public void A_portal_comes_and_goes_under_its_sessions() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            var portal = new IPEndPoint(fixture.ServerAddress, 3261);
            Assert.True(fixture.Server.Listen(portal, 5).IsOk);
            TestInitiator second = await fixture.ConnectAsync(3261);
            Assert.Equal(0, await second.LoginAsync());
            await second.SettleAsync();
            Assert.True(fixture.Server.StopListening(portal).IsOk);
            Assert.Equal("no-such-portal", fixture.Server.StopListening(portal).Fault?.Code);
            Assert.True((await second.ReadAsync(Cdb.TestUnitReady)).IsGood);
            Assert.True((await initiator.ReadAsync(Cdb.TestUnitReady)).IsGood);
            SessionStatus[] sessions = [.. fixture.Server.List()[0].Sessions];
            Assert.Equal([1, 5], sessions.Select(session => session.PortalGroupTag).Order());
        });

    [Fact]
    public void The_same_port_through_the_same_group_replaces_its_session_and_another_port_does_not() =>
        TargetFixture.Run(async (fixture, first) =>
        {
            Assert.True(fixture.Server.Listen(new IPEndPoint(fixture.ServerAddress, 3261)).IsOk);
            TestInitiator second = await fixture.ConnectAsync(3261);
            Assert.Equal(0, await second.LoginAsync(isid: OtherIsid));
            Assert.Equal(2, fixture.Server.List()[0].Sessions.Count);
            TestInitiator third = await fixture.ConnectAsync(3261);
            Assert.Equal(0, await third.LoginAsync());
            Assert.Null(await first.ReceiveAsync());
            Assert.Equal(2, fixture.Server.List()[0].Sessions.Count);
        });

    [Fact]
    public void Connections_that_never_log_in_do_not_keep_others_out()
    {
        using TargetFixture fixture = new(options: new TargetOptions { MaxConnections = 8 });
        fixture.RunBare(async () =>
        {
            TestInitiator served = await fixture.LoggedInAsync();
            for (int i = 0; i < 20; i++)
            {
                await fixture.ConnectAsync();
                await fixture.ClientLoop.DelayAsync(10_000_000);
            }

            await fixture.LoggedInAsync("iqn.test:two");
            Assert.True((await served.ReadAsync(Cdb.TestUnitReady)).IsGood);
            Assert.InRange(fixture.Server.ConnectionCount, 2, 8);
        });
    }
}
