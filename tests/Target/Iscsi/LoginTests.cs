using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class LoginTests
{
    private const string Name = "InitiatorName=iqn.test:one";
    private const string Target = "TargetName=" + TargetFixture.Iqn;

    [Fact]
    public void Every_key_is_answered_within_our_limits() => Bare(async (_, initiator) =>
    {
        int status = await initiator.LoginAsync(more:
        [
            "HeaderDigest=None,CRC32C", "DataDigest=CRC32C", "MaxConnections=8", "InitialR2T=Yes",
            "ImmediateData=No", "MaxRecvDataSegmentLength=4096", "MaxBurstLength=16777215",
                "FirstBurstLength=512",
            "DefaultTime2Wait=7", "DefaultTime2Retain=60", "MaxOutstandingR2T=100", "DataPDUInOrder=No",
            "DataSequenceInOrder=No", "ErrorRecoveryLevel=2", "iSCSIProtocolLevel=2",
                "TaskReporting=FastAbort,RFC3720",
            "IFMarker=Yes", "X-org.test=1", "OFMarkInt=1~9",
        ]);
        Assert.Equal(0, status);
        (string, string)[] expected =
        [
            ("HeaderDigest", "None"), ("DataDigest", "CRC32C"), ("MaxConnections", "1"),
                ("InitialR2T", "Yes"),
            ("ImmediateData", "No"), ("MaxRecvDataSegmentLength", "262144"), ("MaxBurstLength", "1048576"),
            ("FirstBurstLength", "512"), ("DefaultTime2Wait", "7"), ("DefaultTime2Retain", "0"),
            ("MaxOutstandingR2T", "8"), ("DataPDUInOrder", "Yes"), ("DataSequenceInOrder", "Yes"),
            ("ErrorRecoveryLevel", "0"), ("iSCSIProtocolLevel", "2"), ("TaskReporting", "RFC3720"),
            ("IFMarker", "No"), ("X-org.test", "NotUnderstood"), ("OFMarkInt", "Reject"),
            ("TargetPortalGroupTag", "1"), ("AuthMethod", "None"),
        ];
        foreach ((string key, string value) in expected) Assert.Equal(value, initiator.Agreed[key]);
    });

    [Theory]
    [InlineData("MaxBurstLength=511")]
    [InlineData("MaxBurstLength=16777216")]
    [InlineData("MaxBurstLength=many")]
    [InlineData("MaxRecvDataSegmentLength=0")]
    [InlineData("InitialR2T=Maybe")]
    [InlineData("HeaderDigest=MD5")]
    [InlineData("ErrorRecoveryLevel=3")]
    public void A_value_out_of_range_is_rejected(string key) => Bare(async (_, initiator) =>
    {
        Assert.Equal(0, await initiator.LoginAsync(more: [key]));
        Assert.Equal(key.StartsWith("MaxRecv", StringComparison.Ordinal) ? "262144" : "Reject",
            initiator.Agreed[key.Split('=')[0]]);
    });

    [Fact]
    public void Numbers_may_be_hexadecimal() => Bare(async (_, initiator) =>
    {
        Assert.Equal(0, await initiator.LoginAsync(more: ["FirstBurstLength=0x1000"]));
        Assert.Equal("4096", initiator.Agreed["FirstBurstLength"]);
    });

    [Theory]
    [InlineData(0x0207, 0, 1, "SessionType=Normal", Target)]
    [InlineData(0x0207, 0, 1, Name, "SessionType=Normal")]
    [InlineData(0x0203, 0, 1, Name, "TargetName=iqn.no:such")]
    [InlineData(0x0209, 0, 1, Name, "SessionType=Odd", Target)]
    [InlineData(0x0200, 0, 1, Name, Target, "no equals sign")]
    [InlineData(0x0200, 1, 3, Name, Target, "MaxConnections=1", "MaxConnections=1")]
    [InlineData(0x0200, 1, 3, Name, Target, "AuthMethod=None")]
    [InlineData(0x0201, 0, 1, Name, Target, "AuthMethod=KRB5")]
    [InlineData(0x0200, 1, 0, Name, Target)]
    [InlineData(0x0200, 1, 2, Name, Target)]
    [InlineData(0x0200, 2, 3, Name, Target)]
    public void A_wrong_first_login_is_refused_with_its_status(int status, int stage, int next,
        params string[] keys) =>
        Bare(async (_, initiator) =>
        {
            Pdu answer = await initiator.LoginStepAsync(stage, next, keys);
            Assert.Equal(status, answer.Header[36] << 8 | answer.Header[37]);
            Assert.Null(await initiator.ReceiveAsync());
        });

    [Fact]
    public void A_login_of_one_step_is_enough() => Bare(async (_, initiator) =>
    {
        Pdu answer = await initiator.LoginStepAsync(1, 3, [Name, Target]);
        Assert.Equal(0x87, answer.Flags);
        Assert.Equal(0, answer.Header[36]);
        Assert.NotEqual(0, answer.Header[14] << 8 | answer.Header[15]);
        await initiator.SettleAsync();
    });

    [Fact]
    public void Login_text_may_be_continued_over_requests() => Bare(async (_, initiator) =>
    {
        string text = $"{Name}\0{Target}\0MaxBurstLength=8192\0";
        for (int cut = 0; cut < 2; cut++)
        {
            var pdu = new Pdu(0x43, cut == 0 ? (byte)0x44 : (byte)0x87);
            pdu[8] = 0x80000000;
            pdu[12] = 0x00010000;
            pdu[24] = initiator.CmdSn;
            pdu[28] = initiator.ExpStatSn;
            pdu.Data = System.Text.Encoding.ASCII.GetBytes(cut == 0 ? text[..40] : text[40..]);
            await initiator.SendAsync(pdu);
            Pdu answer = await initiator.ExpectAsync(0x23);
            Assert.Equal(0, answer.Header[36]);
            Assert.Equal(cut == 0 ? 0x04 : 0x87, answer.Flags);
        }

        await initiator.SettleAsync();
    });

    [Fact]
    public void Anything_but_login_before_login_ends_the_connection() => Bare(async (_, initiator) =>
    {
        await initiator.SendAsync(initiator.Command(Cdb.TestUnitReady, 0, false, false));
        Assert.Null(await initiator.ReceiveAsync());
    });

    [Fact]
    public void A_connection_that_does_not_log_in_is_closed() => Bare(async (_, initiator) =>
        Assert.Null(await initiator.ReceiveAsync()));

    [Fact]
    public void A_login_from_the_same_port_replaces_the_session_and_ends_its_commands_first() =>
        TargetFixture.Run(
        async (fixture, old) =>
        {
            fixture.Volume.Gate = new TaskCompletionSource();
            Pdu stuck = old.Command(Cdb.Ten(0x2a, 0, 1), 512, false, true);
            stuck.Data = new byte[512];
            await old.SendAsync(stuck);
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            TestInitiator fresh = await fixture.ConnectAsync();
            ValueTask<int> login = fresh.LoginAsync();
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            Assert.False(login.IsCompleted);
            fixture.Volume.Gate.SetResult();
            fixture.Volume.Gate = null;
            Assert.Equal(0, await login);
            Assert.Null(await old.ReceiveAsync());
            await fresh.SettleAsync();
            Assert.Single(fixture.Server.List()[0].Sessions);
        });

    [Fact]
    public void A_second_connection_of_a_session_and_one_of_no_session_are_refused() => TargetFixture.Run(
        async (fixture, _) =>
        {
            foreach ((ushort tsih, int status) in new[] { ((ushort)1, 0x0206), ((ushort)99, 0x020a) })
            {
                TestInitiator second = await fixture.ConnectAsync();
                Pdu answer = await second.LoginStepAsync(1, 3, [Name, Target], tsih: tsih);
                Assert.Equal(status, answer.Header[36] << 8 | answer.Header[37]);
            }
        });

    [Fact]
    public void Only_allowed_initiators_see_and_use_a_target() => Bare(
        async (fixture, stranger) =>
        {
            Assert.Equal(0x0202, await stranger.LoginAsync(name: "iqn.test:other"));
            await fixture.LoggedInAsync("IQN.test:one");
        },
        new TargetFixture(allowed: ["iqn.test:one"]));

    [Fact]
    public void Removing_a_target_waits_for_its_commands_and_ends_its_sessions() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.Gate = new TaskCompletionSource();
            await initiator.SendAsync(initiator.Command(Cdb.Ten(0x28, 0, 1), 512, true, false));
            await fixture.ClientLoop.DelayAsync(1_000_000_000);
            ValueTask removal = fixture.Server.RemoveTarget(TargetFixture.Iqn);
            Assert.Null(await initiator.ReceiveAsync());
            Assert.False(removal.IsCompleted);
            fixture.Volume.Gate.SetResult();
            await removal;
            Assert.Equal(0x0203, await (await fixture.ConnectAsync()).LoginAsync());
        });

    private static void Bare(Func<TargetFixture, TestInitiator, ValueTask> test,
        TargetFixture? fixture = null)
    {
        using TargetFixture used = fixture ?? new TargetFixture();
        used.RunBare(async () => await test(used, await used.ConnectAsync()));
    }
}
