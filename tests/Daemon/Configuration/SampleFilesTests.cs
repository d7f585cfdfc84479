using Cstor.Daemon.Configuration;
using Cstor.Engine.Host;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.Daemon.Configuration;

/// <summary>What <c>deploy/</c> holds for a daemon is what the daemon understands.</summary>
public sealed class SampleFilesTests
{
    [Fact]
    public void The_sample_configuration_is_taken_and_knows_every_key()
    {
        string path = Path.Combine(SourceTree.Root, "deploy", "cstor.conf");
        string text = File.ReadAllText(path);
        Outcome<List<Setting>> asIs = ConfigurationFile.Parse(path, text);
        Assert.True(SettingReader.Read([], asIs.Value).IsOk);
        string[] known = [.. text.Split('\n').Where(line => line.Contains(" = ", StringComparison.Ordinal))
            .Select(line => line.TrimStart('#').Split(" = ")[0]).Where(key => !key.Contains(' '))];
        Assert.All(known, key => Assert.Contains(key, SettingReader.FileKeys));
        Assert.All(
            SettingReader.FileKeys.Where(key => !key.Contains("mutual", StringComparison.Ordinal)),
            key => Assert.Contains(key, known));
    }

    [Fact]
    public void The_configuration_of_the_kubernetes_example_is_taken()
    {
        string[] lines = File.ReadAllLines(Path.Combine(SourceTree.Root, "deploy", "kubernetes.yaml"));
        string[] settings = [.. lines.SkipWhile(line => line.Trim() != "cstor.conf: |").Skip(1)
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal))
            .Select(line => line.Trim())];
        Assert.True(settings.Length > 3);
        Outcome<List<Setting>> parsed = ConfigurationFile.Parse("kubernetes", string.Join('\n', settings));
        Outcome<DaemonOptions> options = SettingReader.Read([], parsed.Value);
        Assert.Null(options.Fault);
        Assert.Equal(9500, options.Value.Http!.Port);
    }
}
