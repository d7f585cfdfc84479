using Cstor.Daemon.Configuration;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Cstor.Tests.Daemon.Configuration;

public sealed class SettingReaderTests
{
    [Fact]
    public void A_file_sets_everything()
    {
        DaemonOptions options = Read(
            """
            # where things are
            state-dir = /srv/state
            socket=/srv/cstor.sock

              iscsi = 10.0.0.1:3261
            iscsi = [::1]:3260,2
            initiator-timeout = 30
            discovery-chap-user = finder
            discovery-chap-secret-file = /etc/cstor/discovery
            http = 127.0.0.1:9500
            cache = 256M
            log-level = debug
            """).Value;
        Assert.Equal("/srv/state", options.StateDirectory);
        Assert.Equal("/srv/cstor.sock", options.SocketPath);
        Assert.Equal(30, options.InitiatorTimeoutSeconds);
        Assert.Equal("finder", options.DiscoveryChap["chap-user"]);
        Assert.Equal(["10.0.0.1:3261", "[::1]:3260,2"], options.Iscsi.Select(portal => portal.ToString()));
        Assert.Equal("127.0.0.1:9500", options.Http?.ToString());
        Assert.Equal(256L << 20, options.CacheBytes);
        Assert.Equal(LogLevel.Debug, options.LogLevel);
    }

    [Fact]
    public void An_empty_file_means_the_defaults()
    {
        DaemonOptions options = Read("").Value;
        Assert.Equal("/var/lib/cstor", options.StateDirectory);
        Assert.Equal("0.0.0.0:3260", Assert.Single(options.Iscsi).ToString());
        Assert.Null(options.Http);
    }

    [Theory]
    [InlineData("# comment\n\ncach = 64M", "f.conf:3: unknown key 'cach'", "cache")]
    [InlineData("iscsi = 10.0.0.1:3260\ncache = lots", "f.conf:2: 'lots'", "256M")]
    [InlineData("cache = 1K", "f.conf:1: a cache of 1K is too small", "8M")]
    [InlineData("just words", "f.conf:1: 'just words' is no setting", "KEY = VALUE")]
    [InlineData("= 3", "f.conf:1: a key is missing", "KEY = VALUE")]
    [InlineData("iscsi = localhost", "f.conf:1: 'localhost' is no ADDRESS:PORT", "0.0.0.0:3260")]
    [InlineData("iscsi = 1.2.3.4:99999", "f.conf:1: '1.2.3.4:99999' is no ADDRESS:PORT", "0.0.0.0:3260")]
    [InlineData("iscsi = 1.2.3.4:1,0", "f.conf:1: '0' is no portal group tag", "1 to 65535")]
    [InlineData("initiator-timeout = 0", "f.conf:1: '0' is no initiator timeout", "1 to 600")]
    [InlineData("discovery-chap-secret-file = x", "f.conf:1: chap-secret-file: 'x' is not", "Correct")]
    [InlineData("discovery-chap-user = x", "of discovery: chap-user and chap-secret-file", "Set both")]
    [InlineData("iscsi = 3260", "f.conf:1: '3260' is no ADDRESS:PORT", "0.0.0.0:3260")]
    [InlineData("http = 127.0.0.1", "f.conf:1: '127.0.0.1' is no ADDRESS:PORT", "9500")]
    [InlineData("iscsi = 1.2.3.4:1\niscsi = 1.2.3.4:1", "f.conf:2: 1.2.3.4:1 is given twice", "out")]
    [InlineData("cache = 64M\ncache = 65M", "f.conf:2: cache was set before, at f.conf:1", "one of them")]
    [InlineData("log-level = loud", "f.conf:1: 'loud' is no log level", "trace")]
    [InlineData("socket =", "f.conf:1: a path is missing", "socket")]
    [InlineData("null-volume = x:1G", "f.conf:1: unknown key 'null-volume'", "state-dir")]
    [InlineData(
        "iscsi = 0.0.0.0:9500\nhttp = 127.0.0.1:9500",
        "iscsi and http both want 127.0.0.1:9500",
        "another port")]
    public void A_wrong_line_is_named_with_a_remedy(string text, string message, string remedy)
    {
        Fault? fault = Read(text).Fault;
        Assert.NotNull(fault);
        Assert.StartsWith(message, fault.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, fault.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Flags_replace_what_the_file_says()
    {
        DaemonOptions options = Read(
            "iscsi = 10.0.0.1:3260\ncache = 64M",
            new Setting("iscsi", "127.0.0.1", "--iscsi"),
            new Setting("null-volume", "null:1G", "--null-volume")).Value;
        Assert.Equal(["127.0.0.1:3260"], options.Iscsi.Select(portal => portal.ToString()));
        Assert.Equal(64L << 20, options.CacheBytes);
        Assert.Equal(new NullVolumeOption("null", 1L << 30), Assert.Single(options.NullVolumes));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        Fault? fault = ConfigurationFile.Load("/nowhere/cstor.conf").Fault;
        Assert.Contains("/nowhere/cstor.conf", fault?.Message, StringComparison.Ordinal);
    }

    private static Outcome<DaemonOptions> Read(string text, params Setting[] flags)
    {
        Outcome<List<Setting>> lines = ConfigurationFile.Parse("f.conf", text);
        return lines.IsOk ? SettingReader.Read(flags, lines.Value) : lines.Fault;
    }
}
