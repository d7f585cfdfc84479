using System.Net;
using System.Text;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class DiscoveryTests
{
    private const string Secret = "secret of discovery";

    [Fact]
    public void Discovery_shows_only_what_the_initiator_may_use() => Bare(async (fixture, discovery) =>
    {
        fixture.Server.AddTarget(fixture.Definition with
        {
            Iqn = "iqn.2026-11.io.cstor:tank.other",
            AllowedInitiators = ["iqn.test:other"],
        });
        Assert.Equal(0, await discovery.LoginAsync(target: null));
        Assert.Equal(
            ["TargetName=" + TargetFixture.Iqn, "TargetAddress=10.0.0.1:3260,1"],
            await AskAsync(discovery, "SendTargets=All"));
        Assert.Empty(await AskAsync(discovery, "SendTargets=iqn.2026-11.io.cstor:tank.other"));
        Assert.Equal(["SendTargets=Reject"], await AskAsync(discovery, "SendTargets="));
    });

    [Fact]
    public void Every_portal_is_named_with_the_tag_of_its_group() => Bare(async (fixture, discovery) =>
    {
        Assert.True(fixture.Server.Listen(new IPEndPoint(fixture.ServerAddress, 3261), 2).IsOk);
        Assert.Equal(0, await discovery.LoginAsync(target: null));
        Assert.Equal(
            [
                "TargetName=" + TargetFixture.Iqn, "TargetAddress=10.0.0.1:3260,1",
                "TargetAddress=10.0.0.1:3261,2",
            ],
            await AskAsync(discovery, "SendTargets=All"));
        TestInitiator other = await fixture.ConnectAsync(3261);
        Assert.Equal(0, await other.LoginAsync());
        Assert.Equal("2", other.Agreed["TargetPortalGroupTag"]);
    });

    [Fact]
    public void A_normal_session_learns_of_its_own_target_only() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Server.AddTarget(fixture.Definition with { Iqn = "iqn.2026-11.io.cstor:tank.other" });
            string[] own = ["TargetName=" + TargetFixture.Iqn, "TargetAddress=10.0.0.1:3260,1"];
            Assert.Equal(own, await AskAsync(initiator, "SendTargets="));
            Assert.Equal(own, await AskAsync(initiator, "SendTargets=" + TargetFixture.Iqn));
            Assert.Empty(await AskAsync(initiator, "SendTargets=iqn.2026-11.io.cstor:tank.other"));
            Assert.Equal(["SendTargets=Reject"], await AskAsync(initiator, "SendTargets=All"));
        });

    [Fact]
    public void Keys_of_login_are_rejected_later_and_unknown_ones_not_understood() => TargetFixture.Run(
        async (_, initiator) => Assert.Equal(
            ["HeaderDigest=Reject", "MaxConnections=Reject", "X-org.test=NotUnderstood"],
            await AskAsync(
                initiator,
                "HeaderDigest=CRC32C", "MaxConnections=4", "X-org.test=1", "MaxRecvDataSegmentLength=4096")));

    [Fact]
    public void A_continuation_that_was_not_offered_is_rejected() => TargetFixture.Run(
        async (_, initiator) =>
        {
            var request = new Pdu(0x44) { TaskTag = 9 };
            request[20] = 4711;
            request[24] = initiator.CmdSn;
            request[28] = initiator.ExpStatSn;
            await initiator.SendAsync(request);
            Assert.Equal(4, (await initiator.ExpectAsync(0x3f)).Header[2]);
            await initiator.SettleAsync();
        });

    [Fact]
    public void Keys_about_data_are_irrelevant_to_discovery() => Bare(async (_, discovery) =>
    {
        Assert.Equal(0, await discovery.LoginAsync(target: null));
        foreach (string key in new[] { "InitialR2T", "MaxBurstLength", "MaxConnections" })
            Assert.Equal("Irrelevant", discovery.Agreed[key]);
        Assert.Equal("0", discovery.Agreed["ErrorRecoveryLevel"]);
    });

    [Fact]
    public void Discovery_asks_for_a_proof_of_its_own()
    {
        TargetOptions options = new()
        {
            DiscoveryChap = new ChapSettings("finder", Secret, "target", "secret the other way"),
        };
        Bare(async (fixture, discovery) =>
        {
            Assert.Equal(0x0201, await discovery.LoginAsync(target: null));
            TestInitiator wrong = await fixture.ConnectAsync();
            Assert.Equal(0x0201, await ChapLogin.LogInAsync(wrong, "finder", "not the secret", target: null));
            TestInitiator right = await fixture.ConnectAsync();
            Assert.Equal(0, await ChapLogin.LogInAsync(right, "finder", Secret, target: null));
            Assert.NotEmpty(await AskAsync(right, "SendTargets=All"));
            Assert.Equal(0, await (await fixture.ConnectAsync()).LoginAsync());
            Assert.Equal(2, fixture.Server.AuthenticationFailures);
        }, new TargetFixture(options: options));
    }

    [Fact]
    public void Discovery_sessions_do_nothing_else_and_are_bounded() => Bare(
        async (fixture, discovery) =>
        {
            Assert.Equal(0, await discovery.LoginAsync(target: null));
            await discovery.SendAsync(discovery.Command(Cdb.TestUnitReady, 0, false, false));
            Assert.Equal(5, (await discovery.ExpectAsync(0x3f)).Header[2]);
            Assert.Equal(0x0302, await (await fixture.ConnectAsync()).LoginAsync(target: null));
            discovery.Connection.Close();
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.Equal(0, await (await fixture.ConnectAsync()).LoginAsync(target: null));
        },
        new TargetFixture(options: new TargetOptions { MaxDiscoverySessions = 1 }));

    private static async ValueTask<string[]> AskAsync(TestInitiator initiator, params string[] keys)
    {
        var request = new Pdu(0x04) { TaskTag = initiator.NextTag() };
        request[20] = uint.MaxValue;
        request[24] = initiator.CmdSn++;
        request[28] = initiator.ExpStatSn;
        request.Data = Encoding.ASCII.GetBytes(string.Concat(keys.Select(key => key + "\0")));
        await initiator.SendAsync(request);
        Pdu answer = await initiator.ExpectAsync(0x24);
        return Encoding.ASCII.GetString(answer.Data).Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }

    private static void Bare(
        Func<TargetFixture, TestInitiator, ValueTask> test, TargetFixture? fixture = null)
    {
        using TargetFixture used = fixture ?? new TargetFixture();
        used.RunBare(async () => await test(used, await used.ConnectAsync()));
    }
}
