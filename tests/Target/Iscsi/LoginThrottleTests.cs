using System.Net;
using Cstor.Target;
using Cstor.Target.Iscsi;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class LoginThrottleTests
{
    private const long Second = 1_000_000_000;
    private const string Secret = "secret of initiator";
    private static readonly IPAddress Guesser = IPAddress.Parse("10.0.0.66");

    [Fact]
    public void Each_failure_doubles_the_pause_up_to_eight_times()
    {
        LoginThrottle throttle = new(1000);
        long now = 0;
        foreach (int seconds in new[] { 1, 2, 4, 8, 8 })
        {
            long pause = throttle.Judge(Guesser, failed: true, now);
            Assert.Equal(seconds * Second, pause);
            now += pause;
        }
    }

    [Fact]
    public void Guesses_on_many_connections_wait_in_one_line()
    {
        LoginThrottle throttle = new(1000);
        long last = 0;
        for (int i = 0; i < 100; i++)
        {
            long pause = throttle.Judge(Guesser, failed: i != 99, 0);
            Assert.True(pause >= last + Second, "even the right one learns it in its turn");
            last = pause;
        }

        Assert.True(last > 99 * 7 * Second);
    }

    [Fact]
    public void Other_addresses_notice_nothing_and_the_guesser_is_forgiven_when_quiet()
    {
        LoginThrottle throttle = new(1000);
        long pause = throttle.Judge(Guesser, failed: true, 0);
        Assert.Equal(0, throttle.Judge(IPAddress.Parse("10.0.0.67"), failed: false, 0));
        Assert.NotEqual(0, throttle.Judge(Guesser, failed: false, pause));
        Assert.Equal(0, throttle.Judge(Guesser, failed: false, 200 * Second));
    }

    [Fact]
    public void Addresses_of_one_ipv6_network_are_one_source()
    {
        LoginThrottle throttle = new(1000);
        throttle.Judge(IPAddress.Parse("2001:db8::1"), failed: true, 0);
        Assert.NotEqual(0, throttle.Judge(IPAddress.Parse("2001:db8::ffff"), failed: false, 0));
        Assert.Equal(0, throttle.Judge(IPAddress.Parse("2001:db8:0:1::1"), failed: false, 0));
    }

    [Fact]
    public void A_flood_of_sources_does_not_push_out_the_one_that_goes_on_guessing()
    {
        LoginThrottle throttle = new(1000);
        long now = 0;
        for (int i = 0; i < 5000; i++)
        {
            if (i % 100 == 0) throttle.Judge(Guesser, failed: true, now);
            throttle.Judge(new IPAddress([11, 0, (byte)(i / 256), (byte)(i % 256)]), failed: true, now);
            now += Second / 1000;
        }

        Assert.True(throttle.Judge(Guesser, failed: false, now) > 8 * Second);
    }

    [Fact]
    public void Who_guesses_waits_and_others_log_in_meanwhile()
    {
        using TargetFixture fixture = new(chap: new ChapSettings("alice", Secret));
        fixture.RunBare(async () =>
        {
            SimulatedLoop guesser = fixture.Machine.AddNode("guesser").CreateLoop();
            List<TestInitiator> guessing = [];
            for (int i = 0; i < 30; i++)
            {
                TestInitiator one = await fixture.ConnectAsync(from: guesser);
                await ChapLogin.SendProofAsync(one, "alice", "no secret of mine");
                guessing.Add(one);
            }

            long start = fixture.ClientLoop.NowNanoseconds;
            TestInitiator good = await fixture.ConnectAsync();
            Assert.Equal(0, await ChapLogin.LogInAsync(good, "alice", Secret));
            Assert.True(fixture.ClientLoop.NowNanoseconds - start < Second);
            int answered = 0;
            foreach (TestInitiator one in guessing)
            {
                if (await one.ReceiveAsync() is not { } answer) continue;
                Assert.Equal(0x0201, answer.Header[36] << 8 | answer.Header[37]);
                answered++;
            }

            Assert.InRange(answered, 1, 4);
            Assert.Equal(answered, fixture.Server.AuthenticationFailures);
            Assert.Equal(answered, fixture.Server.List()[0].LoginFailures);
        });
    }
}
