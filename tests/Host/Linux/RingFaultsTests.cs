using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Host.Linux.Abi;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class RingFaultsTests
{
    [Theory]
    [InlineData(Errno.EPERM, null, "io-uring-forbidden", "seccomp=unconfined")]
    [InlineData(Errno.EPERM, "0", "io-uring-forbidden", "privileged")]
    [InlineData(Errno.EPERM, "2", "io-uring-forbidden", "sysctl -w kernel.io_uring_disabled=0")]
    [InlineData(Errno.EPERM, "1", "io-uring-forbidden", "CAP_SYS_ADMIN")]
    [InlineData(Errno.ENOSYS, null, "io-uring-forbidden", "5.11")]
    [InlineData(Errno.ENOMEM, null, "io-uring-memory", "memlock")]
    [InlineData(Errno.EMFILE, null, "open-files", "ulimit -n")]
    [InlineData(Errno.EIO, null, "io-uring-failed", "5.11")]
    public void A_refused_ring_says_what_to_allow(int errno, string? setting, string code, string remedy)
    {
        Fault fault = RingFaults.ForSetup(errno, setting);
        Assert.Equal(code, fault.Code);
        Assert.Contains("io_uring", fault.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, fault.Remedy, StringComparison.Ordinal);
    }
}
