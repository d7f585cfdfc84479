using System.Net;
using Cstor.Target.Iscsi;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class PortalTests
{
    [Theory]
    [InlineData("0.0.0.0:3260,1", "10.0.0.5:3260", "10.0.0.5:3260,1")]
    [InlineData("[::]:3260,2", "10.0.0.5:3260", "10.0.0.5:3260,2")]
    [InlineData("[::]:3260,2", "[::ffff:10.0.0.5]:3260", "10.0.0.5:3260,2")]
    [InlineData("[::]:3260,2", "[2001:db8::5]:3260", "[2001:db8::5]:3260,2")]
    [InlineData("0.0.0.0:3260,1 [2001:db8::5]:3261,2", "[2001:db8::5]:3261", "[2001:db8::5]:3261,2")]
    [InlineData("10.0.0.5:3260,1 10.0.1.5:3260,1", "10.0.1.5:3260", "10.0.1.5:3260,1 10.0.0.5:3260,1")]
    [InlineData("10.0.0.5:3260,1 127.0.0.1:3260,1", "10.0.0.5:3260", "10.0.0.5:3260,1")]
    [InlineData("10.0.0.5:3260,1 127.0.0.1:3260,1", "127.0.0.1:3260", "127.0.0.1:3260,1 10.0.0.5:3260,1")]
    [InlineData("10.0.0.5:3260,1 0.0.0.0:3260,1", "10.0.0.5:3260", "10.0.0.5:3260,1")]
    [InlineData("10.0.0.5:3260,1 0.0.0.0:3261,7", "10.0.0.5:3260", "10.0.0.5:3260,1 10.0.0.5:3261,7")]
    [InlineData("10.0.0.5:3260,1 [fe80::1%3]:3260,1", "10.0.0.5:3260", "10.0.0.5:3260,1")]
    [InlineData("[fe80::1%3]:3260,1", "[fe80::1%3]:3260", "[fe80::1]:3260,1")]
    public void An_initiator_is_told_of_the_portals_that_it_can_reach(
        string portals, string reachedAt, string expected) =>
        Assert.Equal(
            expected.Split(' '),
            Portal.AddressesFor(portals.Split(' ').Select(Read), IPEndPoint.Parse(reachedAt)));

    private static (IPEndPoint EndPoint, ushort GroupTag) Read(string text)
    {
        int comma = text.IndexOf(',', StringComparison.Ordinal);
        return (IPEndPoint.Parse(text[..comma]), ushort.Parse(text[(comma + 1)..]));
    }
}
