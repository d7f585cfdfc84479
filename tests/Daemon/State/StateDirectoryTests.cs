using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Daemon.State;

public sealed class StateDirectoryTests : IDisposable
{
    private static readonly Guid Tank = new("11111111-2222-4333-8444-555555555555");

    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void What_is_remembered_is_there_after_a_restart()
    {
        using (StateDirectory state = Open())
        {
            state.Remember(new KnownPool(Tank, "tank", ["/dev/sdb"], false));
            state.Remember(new KnownPool(Guid.Empty, "gone", ["/dev/sdc"], true));
            state.Forget(Guid.Empty);
        }
        using StateDirectory again = Open();
        KnownPool pool = Assert.Single(again.Pools);
        Assert.Equal(
            (Tank, "tank", "/dev/sdb", false),
            (pool.Guid, pool.Name, Assert.Single(pool.Devices), pool.ReadOnly));
        Assert.Null(again.LoadFault);
    }

    [Fact]
    public void A_second_daemon_is_refused_and_told_the_first_ones_process()
    {
        using StateDirectory first = Open();
        Fault? fault = StateDirectory.Open(_scratch["state"]).Fault;
        Assert.Equal("state-dir-locked", fault?.Code);
        Assert.Contains($"process {Environment.ProcessId}", fault?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_lock_ends_with_its_owner()
    {
        Open().Dispose();
        Open().Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"version\":1,\"pools\":[{\"guid\":")]
    [InlineData("{\"version\":1,\"pools\":[{\"name\":\"tank\"}]}")]
    [InlineData("{\"version\":1,\"pools\":null}")]
    [InlineData("{\"version\":0,\"pools\":[]}")]
    [InlineData("null")]
    public void A_damaged_list_is_set_aside_and_said_so(string content)
    {
        Open().Dispose();
        File.WriteAllText(_scratch["state/pools.json"], content);
        using StateDirectory state = Open();
        Assert.Equal("pools-file", state.LoadFault?.Code);
        Assert.Empty(state.Pools);
        Assert.Equal(content, File.ReadAllText(_scratch["state/pools.json.damaged"]));
    }

    [Fact]
    public void A_list_of_a_newer_version_is_refused_and_kept()
    {
        Open().Dispose();
        File.WriteAllText(_scratch["state/pools.json"], "{\"version\":2,\"pools\":[]}");
        Assert.Contains(
            "newer", StateDirectory.Open(_scratch["state"]).Fault?.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_scratch["state/pools.json"]));
    }

    [Fact]
    public void A_crash_before_the_rename_leaves_the_old_list()
    {
        using (StateDirectory state = Open()) state.Remember(
            new KnownPool(Tank, "tank", ["/dev/sdb"], false));
        File.WriteAllText(_scratch["state/pools.json.new"], "{\"version\":1,\"po");
        using StateDirectory again = Open();
        Assert.Equal("tank", Assert.Single(again.Pools).Name);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_named()
    {
        Fault? fault = StateDirectory.Open("/proc/cstor").Fault;
        Assert.Contains("/proc/cstor", fault?.Message, StringComparison.Ordinal);
    }

    private StateDirectory Open() => StateDirectory.Open(_scratch["state"]).Value;
}
