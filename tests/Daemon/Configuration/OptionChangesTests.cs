using Cstor.Daemon.Configuration;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Daemon.Configuration;

public sealed class OptionChangesTests
{
    [Theory]
    [InlineData("", "", "", "")]
    [InlineData("log-level = debug", "log-level = warn", "log-level", "")]
    [InlineData("", "iscsi = 10.0.0.1:3260", "iscsi", "")]
    [InlineData("iscsi = 10.0.0.1:3260", "iscsi = 10.0.0.1:3260,2", "", "iscsi")]
    [InlineData("cache = 64M", "cache = 65M\ndevice-timeout = 3", "device-timeout", "cache")]
    [InlineData("", "initiator-timeout = 3\nnode = other", "initiator-timeout", "node")]
    [InlineData("", "state-dir = /x\nsocket = /y", "", "state-dir socket")]
    [InlineData("", "discovery-chap-user = a\ndiscovery-chap-secret-file = /s", "discovery-chap", "")]
    [InlineData("", "peer = 1.2.3.4\npeer-key-file = /k", "", "peer peer-key-file")]
    [InlineData("", "http = 127.0.0.1:1\nhttp-token-file = /t", "", "http-token-file http")]
    [InlineData(
        "http = 127.0.0.1:1\nhttp-token-file = /t", "http = 127.0.0.1:1\nhttp-token-file = /u",
        "http-token-file", "")]
    public void What_can_change_while_the_daemon_runs_is_told_from_what_cannot(
        string before, string after, string live, string atRestart)
    {
        (DaemonOptions running, DaemonOptions wanted) = (Read(before), Read(after));
        OptionChanges changes = OptionChanges.Between(running, wanted);
        Assert.Equal(live, string.Join(' ', changes.Live));
        Assert.Equal(atRestart, string.Join(' ', changes.AtRestart));
        // What was applied differs no more, and what was not still does.
        OptionChanges left = OptionChanges.Between(changes.Apply(running, wanted), wanted);
        Assert.Empty(left.Live);
        Assert.Equal(changes.AtRestart, left.AtRestart);
    }

    [Fact]
    public void Every_key_of_the_file_is_one_or_the_other()
    {
        DaemonOptions other = Read(
            """
            state-dir = /x
            socket = /y
            iscsi = 10.9.9.9:1
            http = 127.0.0.1:1
            http-token-file = /t
            cache = 99M
            device-timeout = 99
            initiator-timeout = 99
            log-level = trace
            node = another
            peer = 10.9.9.9:2
            peer-key-file = /k
            discovery-chap-user = a
            discovery-chap-secret-file = /s
            """);
        OptionChanges changes = OptionChanges.Between(new DaemonOptions(), other);
        string[] told = [.. changes.Live, .. changes.AtRestart];
        Assert.All(
            SettingReader.FileKeys,
            key => Assert.Contains(told, each => key.StartsWith(each, StringComparison.Ordinal)
                || (each == "discovery-chap" && key.StartsWith("discovery-", StringComparison.Ordinal))));
    }

    private static DaemonOptions Read(string text)
    {
        Outcome<DaemonOptions> options =
            SettingReader.Read([], ConfigurationFile.Parse("f.conf", text).Value);
        Assert.Null(options.Fault);
        return options.Value;
    }
}
