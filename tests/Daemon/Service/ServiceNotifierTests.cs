using System.Net.Sockets;
using System.Text;
using Cstor.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class ServiceNotifierTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_manager_is_told_on_its_socket(bool isAbstract)
    {
        using ScratchDirectory scratch = new();
        string path = isAbstract ? "@cstor-test-" + Guid.NewGuid() : scratch["notify"];
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(isAbstract ? '\0' + path[1..] : path));
        Assert.True(ServiceNotifier.Send(path, "READY=1"));
        byte[] received = new byte[64];
        Assert.Equal("READY=1\n", Encoding.UTF8.GetString(received, 0, manager.Receive(received)));
    }

    [Fact]
    public void A_manager_that_is_gone_is_no_reason_to_fail()
    {
        Assert.False(ServiceNotifier.Send("/nowhere/notify", "READY=1"));
        Assert.True(ServiceNotifier.Send(null, "READY=1"));
    }
}
