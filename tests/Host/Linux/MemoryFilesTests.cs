using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class MemoryFilesTests
{
    private const long KiB = 1024;

    private readonly Dictionary<string, string> _files = new()
    {
        ["/proc/meminfo"] = "MemTotal:       1000000 kB\nMemFree:  1 kB\nMemAvailable:    600000 kB",
        ["/proc/self/cgroup"] = "0::/",
    };

    [Fact]
    public void Without_limits_it_is_the_machine_that_counts() =>
        Assert.Equal(new MemoryLevel(1_000_000 * KiB, 600_000 * KiB), Measure());

    [Fact]
    public void The_tightest_limit_of_version_2_counts_and_unused_file_pages_are_available()
    {
        _files["/proc/self/cgroup"] = "0::/pods/one/box";
        _files["/sys/fs/cgroup/pods/one/box/memory.max"] = "max";
        _files["/sys/fs/cgroup/pods/one/memory.max"] = "400000";
        _files["/sys/fs/cgroup/pods/one/memory.high"] = "300000";
        _files["/sys/fs/cgroup/pods/one/memory.current"] = "250000";
        _files["/sys/fs/cgroup/pods/one/memory.stat"] = "anon 1\ninactive_file 90000\nactive_file 7";
        _files["/sys/fs/cgroup/pods/memory.max"] = "900000";
        _files["/sys/fs/cgroup/pods/memory.current"] = "899000";
        Assert.Equal(new MemoryLevel(300_000, 1000), Measure());
    }

    [Fact]
    public void Version_1_counts_too_from_within_a_container_whose_path_is_not_visible()
    {
        _files["/proc/self/cgroup"] = "5:cpu:/docker/1\n4:memory:/docker/1\n0::/docker/1";
        _files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "500000";
        _files["/sys/fs/cgroup/memory/memory.usage_in_bytes"] = "700000";
        _files["/sys/fs/cgroup/memory/memory.stat"] = "inactive_file 1\ntotal_inactive_file 250000";
        Assert.Equal(new MemoryLevel(500_000, 50_000), Measure());
    }

    [Theory]
    [InlineData("9223372036854771712")]
    [InlineData("18446744073709551615")]
    [InlineData("nonsense")]
    public void A_limit_that_is_none_is_ignored(string limit)
    {
        _files["/proc/self/cgroup"] = "4:memory:/";
        _files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = limit;
        _files["/sys/fs/cgroup/memory/memory.usage_in_bytes"] = "700000";
        Assert.Equal(new MemoryLevel(1_000_000 * KiB, 600_000 * KiB), Measure());
    }

    [Fact]
    public void A_group_beyond_its_limit_leaves_nothing()
    {
        _files["/sys/fs/cgroup/memory.max"] = "1000";
        _files["/sys/fs/cgroup/memory.current"] = "2000";
        Assert.Equal(new MemoryLevel(1000, 0), Measure());
    }

    [Fact]
    public void This_machine_has_memory()
    {
        using LoopFixture fixture = new();
        MemoryLevel level = fixture.Run(fixture.Loop.Memory.MeasureAsync);
        Assert.InRange(level.AvailableBytes, 1, level.TotalBytes);
    }

    private MemoryLevel Measure() => MemoryFiles.Measure(path => _files.GetValueOrDefault(path));
}
