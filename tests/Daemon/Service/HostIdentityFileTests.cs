using Cstor.Daemon.Service;
using Cstor.Engine.Vdevs;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class HostIdentityFileTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_machines_own_id_is_taken_and_kept()
    {
        File.WriteAllText(_scratch["machine-id"], "0123456789abcdef0123456789abcdef\n");
        HostIdentity first = HostIdentityFile.Load(_scratch.Path, _scratch["machine-id"]).Value;
        Assert.Equal(new Guid("01234567-89ab-cdef-0123-456789abcdef"), first.Id);
        File.Delete(_scratch["machine-id"]);
        Assert.Equal(first, HostIdentityFile.Load(_scratch.Path, _scratch["machine-id"]).Value);
    }

    [Fact]
    public void Where_there_is_none_one_is_drawn_and_kept()
    {
        HostIdentity first = HostIdentityFile.Load(_scratch.Path, _scratch["machine-id"]).Value;
        Assert.NotEqual(Guid.Empty, first.Id);
        Assert.Equal(first, HostIdentityFile.Load(_scratch.Path, _scratch["machine-id"]).Value);
    }
}
