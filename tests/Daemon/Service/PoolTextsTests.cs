using Cstor.Daemon.Service;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class PoolTextsTests
{
    [Fact]
    public void What_is_gone_from_a_pool_is_said_by_device()
    {
        Assert.Equal(
            [
                "  degraded: /dev/sdc is missing. Replace it",
                $"  /dev/sdc (guid {FakeAdministration.Guid}): missing",
            ],
            PoolTexts.Gone(FakeAdministration.Tank()));
    }

    [Fact]
    public void Of_a_pool_that_is_whole_nothing_is_gone()
    {
        Assert.Empty(PoolTexts.Gone(FakeAdministration.Tank() with { Health = "online" }));
    }
}
