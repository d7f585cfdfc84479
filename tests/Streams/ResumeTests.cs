using Cstor.Engine.Host;
using Cstor.Engine.Streams;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>What a stream that broke off has brought stays, and the rest completes it.</summary>
public sealed class ResumeTests
{
    [Theory]
    [InlineData(0.001)]
    [InlineData(0.3)]
    [InlineData(0.9)]
    [InlineData(0.9999)]
    public void The_rest_of_a_stream_completes_it(double share)
    {
        using StreamFixture fixture = ReceiveRefusalTests.Sent(1, out byte[] full, out byte[] next);
        string token = Break(fixture, full, share);
        byte[] rest = fixture.Send(new SendRequest("db", "one") { Resume = token });
        Assert.True(rest.Length <= full.Length);
        if (share > 0.5) Assert.True(rest.Length < full.Length / 5, $"{rest.Length} of {full.Length}");
        fixture.ReceiveSame("copy", rest, "db", "one");
        token = Break(fixture, next, share);
        rest = fixture.Send(new SendRequest("db", "two") { Resume = token });
        fixture.ReceiveSame("copy", rest, "db", "two");
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void The_whole_stream_again_does_as_well()
    {
        using StreamFixture fixture = ReceiveRefusalTests.Sent(2, out byte[] full, out byte[] next);
        Break(fixture, full, 0.5);
        fixture.ReceiveSame("copy", full, "db", "one");
        Break(fixture, next, 0.5);
        Break(fixture, next, 0.2);
        fixture.ReceiveSame("copy", next, "db", "two");
        fixture.AssertClean();
    }

    [Fact]
    public void A_rest_for_which_too_much_is_missing_is_refused()
    {
        using StreamFixture fixture = ReceiveRefusalTests.Sent(3, out byte[] full, out _);
        string late = Break(fixture, full, 0.9);
        byte[] rest = fixture.Send(new SendRequest("db", "one") { Resume = late });
        Assert.Equal("stream-gap", fixture.Receive("fresh", rest)?.Code);
        Break(fixture, full, 0.2, "early");
        Assert.Equal("stream-gap", fixture.Receive("early", rest)?.Code);
        fixture.ReceiveSame("copy", rest, "db", "one");
    }

    [Fact]
    public void A_crash_in_the_middle_leaves_what_the_mark_says()
    {
        using StreamFixture fixture = ReceiveRefusalTests.Sent(4, out byte[] full, out byte[] next);
        string token = Break(fixture, full, 0.6);
        fixture.There.Crash(CrashMode.DropUnflushed);
        fixture.There.Run(async () => fixture.Vault = await fixture.There.ImportAsync());
        Assert.Equal(token, TokenOf(fixture, "copy"));
        fixture.ReceiveSame(
            "copy", fixture.Send(new SendRequest("db", "one") { Resume = token }), "db", "one");
        fixture.There.Crash(CrashMode.DropUnflushed);
        fixture.There.Run(async () => fixture.Vault = await fixture.There.ImportAsync());
        Assert.False(fixture.Vault.FindVolume("copy")!.IsReceiving);
        fixture.ReceiveSame("copy", next, "db", "two");
        fixture.AssertClean();
    }

    [Fact]
    public void A_mark_can_be_read_back_and_nothing_else_is_one()
    {
        ReceivingMark mark = new(Guid.Empty, new Guid("11111111-2222-3333-4444-555555555555"), 12345);
        Assert.Equal(mark, ReceivingMark.Parse(mark.ToString()));
        string[] wrongs = ["", "-", "a-b-c", $"{mark}x", $"{mark}-1", $"-{mark}", $"{mark}0000000000000000"];
        foreach (string wrong in wrongs)
            Assert.Null(ReceivingMark.Parse(wrong));
    }

    private static string Break(StreamFixture fixture, byte[] stream, double share, string volume = "copy")
    {
        Fault? fault = fixture.Receive(volume, stream.AsSpan(0, (int)(stream.Length * share)));
        Assert.Equal("stream-ended", fault?.Code);
        if (stream.Length * share < 1000) return TokenOf(fixture, volume) ?? NewToken(stream);
        string token = TokenOf(fixture, volume)!;
        Assert.Contains(token, fault!.Remedy, StringComparison.Ordinal);
        return token;
    }

    // Nothing came: the sender begins at the beginning.
    private static string NewToken(byte[] stream) =>
        new ReceivingMark(new Guid(stream.AsSpan(96 + 16, 16)), new Guid(stream.AsSpan(96 + 32, 16)), 0)
            .ToString();

    private static string? TokenOf(StreamFixture fixture, string volume)
    {
        string? token = null;
        fixture.There.Run(() =>
        {
            token = fixture.Vault.FindVolume(volume)?.Status().Properties
                .FirstOrDefault(property => property.Key == "receiving").Value;
            return ValueTask.CompletedTask;
        });
        return token;
    }
}
