using System.Security.Cryptography;
using System.Text;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class ChapTests
{
    private const string Secret = "secret of initiator";
    private const string MutualSecret = "secret of target";
    private static readonly ChapSettings Settings = new("alice", Secret, "bob", MutualSecret);

    [Theory]
    [InlineData(5, false, false)]
    [InlineData(5, true, false)]
    [InlineData(5, true, true)]
    [InlineData(7, true, false)]
    public void The_right_secret_logs_in_and_the_target_proves_itself(int algorithm, bool mutual,
        bool base64) => Run(
        async initiator =>
        {
            Pdu answer = await Exchange(initiator, algorithm, "alice", Secret, mutual, base64);
            Assert.Equal(0, answer.Header[36]);
            Assert.Equal(0x81, answer.Flags);
            Assert.Equal(mutual, initiator.Agreed.ContainsKey("CHAP_R"));
            if (mutual)
            {
                Assert.Equal("bob", initiator.Agreed["CHAP_N"]);
                string expected = Hash(algorithm, 9, MutualSecret, Enumerable.Repeat((byte)3, 20).ToArray());
                Assert.Equal(expected, initiator.Agreed["CHAP_R"]);
            }

            Assert.Equal(0x87, (await initiator.LoginStepAsync(1, 3, [])).Flags);
            await initiator.SettleAsync();
        });

    [Theory]
    [InlineData("alice", "secret of initiatoR")]
    [InlineData("alicf", Secret)]
    [InlineData("alice", "")]
    public void A_wrong_name_or_secret_is_refused_after_a_pause(string name, string secret) =>
        Run(async initiator =>
    {
        Pdu answer = await Exchange(initiator, 5, name, secret, false, false);
        Assert.Equal(0x0201, answer.Header[36] << 8 | answer.Header[37]);
        Assert.Null(await initiator.ReceiveAsync());
    });

    [Fact]
    public void Skipping_authentication_is_refused() => Run(async initiator =>
    {
        Pdu answer = await initiator.LoginStepAsync(
            1, 3, ["InitiatorName=iqn.test:one", "TargetName=" + TargetFixture.Iqn]);
        Assert.Equal(0x0201, answer.Header[36] << 8 | answer.Header[37]);
    });

    [Fact]
    public void Offering_no_authentication_is_refused() => Run(async initiator =>
        Assert.Equal(0x0201, await initiator.LoginAsync()));

    [Fact]
    public void A_response_without_a_challenge_is_refused() => Run(async initiator =>
    {
        Pdu answer = await initiator.LoginStepAsync(
            0, 1,
            ["InitiatorName=iqn.test:one", "TargetName=" + TargetFixture.Iqn, "AuthMethod=CHAP",
                "CHAP_N=alice",
            "CHAP_R=0x00112233445566778899aabbccddeeff"]);
        Assert.Equal(0x0201, answer.Header[36] << 8 | answer.Header[37]);
    });

    [Fact]
    public void Our_own_challenge_sent_back_is_refused() => Run(async initiator =>
    {
        await Begin(initiator, 5);
        byte[] challenge = Convert.FromHexString(initiator.Agreed["CHAP_C"][2..]);
        string response = Hash(5, int.Parse(initiator.Agreed["CHAP_I"]), Secret, challenge);
        Pdu answer = await initiator.LoginStepAsync(
            0, 1, ["CHAP_N=alice", $"CHAP_R={response}", "CHAP_I=1", $"CHAP_C={initiator.Agreed["CHAP_C"]}"]);
        Assert.Equal(0x0201, answer.Header[36] << 8 | answer.Header[37]);
    });

    [Fact]
    public void Secrets_are_not_printed() => Assert.DoesNotContain("secret", Settings.ToString());

    private static void Run(Func<TestInitiator, ValueTask> test)
    {
        using var fixture = new TargetFixture(chap: Settings);
        fixture.RunBare(async () => await test(await fixture.ConnectAsync()));
    }

    private static async ValueTask Begin(TestInitiator initiator, int algorithm)
    {
        Pdu method = await initiator.LoginStepAsync(
            0, 1, ["InitiatorName=iqn.test:one", "TargetName=" + TargetFixture.Iqn, "AuthMethod=CHAP,None"]);
        Assert.Equal(0, method.Flags & 0x80);
        Assert.Equal("CHAP", initiator.Agreed["AuthMethod"]);
        await initiator.LoginStepAsync(0, -1, [$"CHAP_A=99,{algorithm}"]);
        Assert.Equal(algorithm.ToString(), initiator.Agreed["CHAP_A"]);
    }

    private static async ValueTask<Pdu> Exchange(
        TestInitiator initiator, int algorithm, string name, string secret, bool mutual, bool base64)
    {
        await Begin(initiator, algorithm);
        byte[] challenge = Convert.FromHexString(initiator.Agreed["CHAP_C"][2..]);
        string response = Hash(algorithm, int.Parse(initiator.Agreed["CHAP_I"]), secret, challenge);
        if (base64) response = "0b" + Convert.ToBase64String(Convert.FromHexString(response[2..]));
        string[] keys = [$"CHAP_N={name}", $"CHAP_R={response}"];
        if (mutual)
            keys = [.. keys, "CHAP_I=9", "CHAP_C=0x" + string.Concat(Enumerable.Repeat("03", 20))];
        return await initiator.LoginStepAsync(0, 1, keys);
    }

    private static string Hash(int algorithm, int identifier, string secret, byte[] challenge)
    {
        byte[] input = [(byte)identifier, .. Encoding.UTF8.GetBytes(secret), .. challenge];
#pragma warning disable CA5351 // The protocol's own choice.
        byte[] hash = algorithm == 5 ? MD5.HashData(input) : SHA256.HashData(input);
#pragma warning restore CA5351
        return "0x" + Convert.ToHexStringLower(hash);
    }
}
