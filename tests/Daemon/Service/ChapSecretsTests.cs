using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Target;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class ChapSecretsTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_volume_without_a_user_asks_for_nothing()
    {
        Assert.Null(ChapSecrets.Read(new Dictionary<string, string>()).Value);
    }

    [Fact]
    public void The_secret_is_the_files_line_without_its_end()
    {
        ChapSettings? chap = ChapSecrets.Read(Properties("first-secret\n", "second-secret\r\n")).Value;
        Assert.Equal(new ChapSettings("alice", "first-secret", "target", "second-secret"), chap);
        Assert.DoesNotContain("secret", chap!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("short", null, "has not 12 to 64 characters")]
    [InlineData("first-secret", "short", "has not 12 to 64 characters")]
    [InlineData("first-secret", "first-secret", "same secret")]
    public void A_bad_secret_is_refused_without_being_shown(string secret, string? mutual, string expected)
    {
        Fault? fault = ChapSecrets.Read(Properties(secret, mutual)).Fault;
        Assert.Contains(expected, fault?.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, fault!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_that_cannot_be_read_is_named_by_its_file()
    {
        Dictionary<string, string> properties = new()
        {
            ["chap-user"] = "alice",
            ["chap-secret-file"] = _scratch["nowhere"],
        };
        Assert.Contains(
            _scratch["nowhere"], ChapSecrets.Read(properties).Fault?.Message, StringComparison.Ordinal);
    }

    private Dictionary<string, string> Properties(string secret, string? mutual)
    {
        File.WriteAllText(_scratch["one"], secret);
        Dictionary<string, string> properties = new()
        {
            ["chap-user"] = "alice",
            ["chap-secret-file"] = _scratch["one"],
        };
        if (mutual is null) return properties;
        File.WriteAllText(_scratch["two"], mutual);
        properties["mutual-chap-user"] = "target";
        properties["mutual-chap-secret-file"] = _scratch["two"];
        return properties;
    }
}
