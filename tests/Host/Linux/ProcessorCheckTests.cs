using Cstor.Engine.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class ProcessorCheckTests
{
    [Fact]
    public void This_machine_is_accepted() => Assert.Null(ProcessorCheck.Verify());

    [Fact]
    public void Nothing_is_missing_where_all_bits_are_set() =>
        Assert.Empty(ProcessorCheck.Missing(-1, -1, -1));

    [Fact]
    public void Each_missing_feature_is_named()
    {
        Assert.Equal(["AVX2"], ProcessorCheck.Missing(-1, ~(1 << 5), -1));
        Assert.Equal(["FMA", "MOVBE"], ProcessorCheck.Missing(~(1 << 12 | 1 << 22), -1, -1));
        Assert.Equal(["LZCNT"], ProcessorCheck.Missing(-1, -1, ~(1 << 5)));
    }
}
