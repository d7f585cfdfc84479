using System.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>Snapshots go through real pipes from one daemon to another.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class StreamTests(ITestOutputHelper output)
{
    private const string Cstor = "\"$0\"";

    [RequiresFact("qemu-io")]
    public void A_volume_and_what_changed_later_go_through_a_pipe()
    {
        using DaemonFixture here = new(output);
        using DaemonFixture there = new(output);
        Prepare(here, there);
        Write(here, "write -P 1 0 8M", "write -P 2 40M 1M");
        here.CliOk("snapshot", "tank/v@a");
        Shell(0, $"{Cstor} volume send tank/v@a --socket {here.SocketPath}"
            + $" | {Cstor} volume receive vault/v --socket {there.SocketPath}");
        Write(here, "write -P 3 4M 64k", "discard 0 1M", "write -P 4 60M 128k");
        here.CliOk("snapshot", "tank/v@b");
        string file = Path.Combine(here.Folder, "b.stream");
        Shell(0, $"{Cstor} volume send -i a tank/v@b --socket {here.SocketPath} > {file}");
        Assert.InRange(new FileInfo(file).Length, 190_000, 400_000);
        Assert.Contains("end: 12 blocks, 64 holes", here.CliOk("debug", "stream", file),
            StringComparison.Ordinal);
        Shell(0, $"{Cstor} volume receive vault/v --socket {there.SocketPath} < {file}");
        Read(there, "read -P 0 0 1M", "read -P 1 1M 3M", "read -P 3 4M 64k", "read -P 2 40M 1M",
            "read -P 4 60M 128k");
        there.CliOk("pool", "check", "vault");
    }

    [RequiresFact("qemu-io")]
    public void A_daemon_that_is_killed_in_the_middle_goes_on_where_it_was()
    {
        using DaemonFixture here = new(output);
        using DaemonFixture there = new(output);
        Prepare(here, there);
        Write(here, [.. Enumerable.Range(0, 50).Select(i => $"write -P {i + 1} {i * 4}M 4M")]);
        here.CliOk("snapshot", "tank/v@a");
        string file = Path.Combine(here.Folder, "a.stream");
        Shell(0, $"{Cstor} volume send tank/v@a --socket {here.SocketPath} > {file}");
        using (Process half = Tool.Start(
            "sh",
            ["-c", $"(head -c 160000000 {file}; exec sleep 60) | {Cstor} volume receive vault/v "
                + $"--socket {there.SocketPath}", Machine.DaemonPath],
            redirectInput: false))
        {
            WaitForMark(there);
            there.Kill();
            half.Kill(entireProcessTree: true);
        }

        there.Start();
        string token = Token(there);
        Assert.False(token.EndsWith("-0", StringComparison.Ordinal), token);
        Assert.Contains("not come to its end", there.CliOk("volume", "list"), StringComparison.Ordinal);
        string rest = Path.Combine(here.Folder, "rest.stream");
        Shell(0, $"{Cstor} volume send --resume {token} tank/v@a --socket {here.SocketPath} > {rest}");
        Assert.True(new FileInfo(rest).Length < new FileInfo(file).Length - (50 << 20));
        Shell(0, $"{Cstor} volume receive vault/v --socket {there.SocketPath} < {rest}");
        Read(there, [.. Enumerable.Range(0, 50).Select(i => $"read -P {i + 1} {i * 4}M 4M")]);
        there.CliOk("pool", "check", "vault");
    }

    [RequiresFact("qemu-io")]
    public void A_pipe_that_breaks_is_reported_on_both_ends()
    {
        using DaemonFixture here = new(output);
        using DaemonFixture there = new(output);
        Prepare(here, there);
        Write(here, "write -P 1 0 32M");
        here.CliOk("snapshot", "tank/v@a");
        string error = Path.Combine(here.Folder, "error");
        Shell(0, $"({Cstor} volume send tank/v@a --socket {here.SocketPath} 2> {error}; echo $? >> {error})"
            + " | head -c 1000000 > /dev/null");
        Assert.Contains("broken pipe", File.ReadAllText(error), StringComparison.Ordinal);
        Assert.EndsWith("1\n", File.ReadAllText(error), StringComparison.Ordinal);
        string said = Shell(1, $"{Cstor} volume send tank/v@a --socket {here.SocketPath} | head -c 1000000"
            + $" | {Cstor} volume receive vault/v --socket {there.SocketPath}");
        Assert.Contains("send --resume", said, StringComparison.Ordinal);
        there.CliOk("volume", "receive", "--abort", "vault/v");
        said = Shell(1, $"{Cstor} volume receive vault/v --socket {there.SocketPath} < /dev/zero");
        Assert.Contains("no magic", said, StringComparison.Ordinal);
    }

    [RequiresFact("qemu-io")]
    public void A_send_that_nobody_takes_is_canceled_and_holds_nothing_any_more()
    {
        using DaemonFixture here = new(output);
        here.MakeVolume();
        Write(here, "write -P 1 0 64M");
        here.CliOk("snapshot", "tank/v@a");
        using Process stuck = Tool.Start(
            "sh",
            ["-c", $"{Cstor} volume send tank/v@a --socket {here.SocketPath} | sleep 60", Machine.DaemonPath],
            redirectInput: false);
        NodesFixture.Until("the transfer is a job", () => here.Json("job", "list").GetArrayLength() == 1);
        here.CliFails(1, ["snapshot", "destroy", "tank/v@a"], "tank/v@a");
        here.CliOk("job", "cancel", "send-1");
        NodesFixture.Until("the transfer has ended", () => here.Json("job", "list").GetArrayLength() == 0);
        Assert.Contains("canceled", here.CliOk("job", "list", "-a"), StringComparison.Ordinal);
        here.CliOk("snapshot", "destroy", "tank/v@a");
        stuck.Kill(entireProcessTree: true);
        here.CliOk("pool", "export", "tank");
    }

    private static void Prepare(DaemonFixture here, DaemonFixture there)
    {
        here.MakeVolume();
        there.CliOk("pool", "create", "vault", there.Disk("vault.img", 2L << 30));
    }

    private static void WaitForMark(DaemonFixture daemon)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (Token(daemon) is "" || Token(daemon).EndsWith("-0", StringComparison.Ordinal))
        {
            Assert.True(waited.Elapsed.TotalSeconds < 60, daemon.Log());
            Thread.Sleep(20);
        }
    }

    private static string Token(DaemonFixture daemon)
    {
        ToolResult result = daemon.Cli("volume", "get", "vault/v", "receiving");
        return result.ExitCode != 0 ? "" : result.Output.Trim().Split(' ')[^1];
    }

    private static void Write(DaemonFixture daemon, params string[] commands) =>
        Io(daemon.Url("tank/v"), commands);

    private static void Read(DaemonFixture daemon, params string[] commands) =>
        Io(daemon.Url("vault/v"), commands);

    private static void Io(string url, string[] commands)
    {
        ToolResult result = Tool.Run(
            "qemu-io", ["-f", "raw", url, .. commands.SelectMany(command => new[] { "-c", command })]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("failed", result.All, StringComparison.Ordinal);
    }

    private static string Shell(int exitCode, string line)
    {
        ToolResult result = Tool.Run("sh", ["-c", line, Machine.DaemonPath], seconds: 120);
        Assert.True(result.ExitCode == exitCode, $"{line}: {result}");
        return result.All;
    }
}
