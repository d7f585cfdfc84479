using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.Daemon.Vocabulary;

public sealed class PropertyRulesTests
{
    [Fact]
    public void What_the_engine_knows_can_be_set()
    {
        DatasetRecord record = new() { Properties = "" };
        foreach ((string name, string value) in VolumeProperties.List(ref record))
            Assert.Null(PropertyRules.Check(name, value));
    }

    [Theory]
    [InlineData("compression", "zstd-3")]
    [InlineData("chap-user", "alice")]
    [InlineData("chap-secret-file", "/etc/cstor/secret")]
    [InlineData("initiators", "iqn.1993-08.org.debian:01:abc, iqn.2000-01.com.example:x")]
    [InlineData("initiators", "")]
    [InlineData("cache", "metadata")]
    [InlineData("redirect", "10.0.0.5:3261")]
    [InlineData("redirect", "[2001:db8::5]:3260,permanent")]
    [InlineData("redirect", "storage-2.example.com")]
    [InlineData("redirect", "")]
    [InlineData("share", "400")]
    [InlineData("share", "")]
    public void Good_properties_pass(string name, string value) =>
        Assert.Null(PropertyRules.Check(name, value));

    [Theory]
    [InlineData("compresion", "lz4", "no property 'compresion'")]
    [InlineData("chap-secret", "hunter2hunter2", "no property 'chap-secret'")]
    [InlineData("chap-secret-file", "secret", "not an absolute path")]
    [InlineData("initiators", "alice", "'alice' is no iSCSI name")]
    [InlineData("initiators", "iqn.2000-01.com.Example:x", "no iSCSI name")]
    [InlineData("chap-user", "a\nb", "control character")]
    [InlineData("redirect", "0.0.0.0:3260", "no ADDR:PORT")]
    [InlineData("redirect", "10.0.0.5:0", "no ADDR:PORT")]
    [InlineData("redirect", "10.0.0.5:3260,later", "no ADDR:PORT")]
    [InlineData("redirect", "2001:db8::5:", "no ADDR:PORT")]
    [InlineData("share", "0", "no share, 1 to 10000")]
    [InlineData("share", "half", "no share, 1 to 10000")]
    public void Bad_properties_are_named(string name, string value, string expected) =>
        Assert.Contains(expected, PropertyRules.Check(name, value)?.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(true, "")]
    [InlineData(true, "chap-user=a chap-secret-file=/s")]
    [InlineData(true, "chap-user=a chap-secret-file=/s mutual-chap-user=b mutual-chap-secret-file=/m")]
    [InlineData(false, "chap-user=a")]
    [InlineData(false, "chap-secret-file=/s")]
    [InlineData(false, "chap-user=a chap-secret-file=/s mutual-chap-user=b")]
    [InlineData(false, "mutual-chap-user=b mutual-chap-secret-file=/m")]
    [InlineData(false, "chap-user= chap-secret-file=/s")]
    public void User_and_secret_belong_together(bool isGood, string text)
    {
        Dictionary<string, string> properties = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('='))
            .ToDictionary(parts => parts[0], parts => parts[1]);
        Assert.Equal(isGood, PropertyRules.CheckTogether(properties) is null);
    }
}
