using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A daemon of its own for one test: state, socket, log and sparse disks in a directory that goes when the
/// test ends, a port that was free. The test kills and restarts it as it likes. After a failure the test's
/// output ends with the log.
/// </summary>
internal sealed class DaemonFixture : IDisposable
{
    private const int ReadySeconds = 20;
    private readonly ITestOutputHelper _output;
    private readonly List<string> _loops = [];
    private Process? _process;

    public DaemonFixture(ITestOutputHelper output, bool start = true)
    {
        _output = output;
        Folder = Directory.CreateTempSubdirectory("cstor-test-").FullName;
        Port = FreePort();
        if (start) Start();
    }

    /// <summary>Holds everything of this test.</summary>
    public string Folder { get; }

    public int Port { get; }

    /// <summary>Where it serves volumes.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Network namespace that it runs in; empty for that of the tests.</summary>
    public string Namespace { get; init; } = "";

    public string Portal => $"{Address}:{Port}";

    public string SocketPath => Path.Combine(Folder, "cstor.sock");

    public string LogPath => Path.Combine(Folder, "daemon.log");

    /// <summary>Extra arguments of <c>cstor daemon</c>, from the next start on.</summary>
    public string[] DaemonArguments { get; set; } = [];

    /// <summary>The portal is named on the command line; else the test's configuration names it.</summary>
    public bool UsesPortalFlag { get; set; } = true;

    public int ProcessId => _process!.Id;

    public static string TargetName(string volume) => "iqn.2026-11.io.cstor:" + volume.Replace('/', '.');

    /// <summary>What libiscsi and QEMU call a LUN.</summary>
    public string Url(string volume) => $"iscsi://{Portal}/{TargetName(volume)}/0";

    /// <summary>Starts the daemon and waits until it answers.</summary>
    public void Start()
    {
        string within = Namespace.Length == 0 ? "" : $"ip netns exec {Namespace} ";
        string[] portal = UsesPortalFlag ? ["--iscsi", Portal] : [];
        string command = $"exec {within}\"$0\" \"$@\" >>'{LogPath}' 2>&1";
        _process = Tool.Start(
            "sh",
            ["-c", command, Machine.DaemonPath, "daemon", "--state-dir", Path.Combine(Folder, "state"),
                "--socket", SocketPath, .. portal, .. DaemonArguments],
            redirectInput: false);
        Stopwatch waited = Stopwatch.StartNew();
        while (Cli("pool", "list", "--json").ExitCode != 0 || !Answers())
        {
            bool isLate = waited.Elapsed.TotalSeconds > ReadySeconds;
            if (_process.HasExited || isLate)
            {
                string what = isLate ? $"does not answer after {ReadySeconds} s" : "ended at its start";
                throw new InvalidOperationException($"the daemon {what}:\n{Log()}");
            }

            Thread.Sleep(20);
        }
    }

    /// <summary>As a power cut for the process: SIGKILL.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
    }

    /// <summary>A clean stop, by SIGTERM; the exit status.</summary>
    public int Stop(int seconds = 30)
    {
        Tool.Check("sh", "-c", $"kill -TERM {ProcessId}"); // built in, also where there is no procps
        if (_process!.WaitForExit(TimeSpan.FromSeconds(seconds))) return _process.ExitCode;
        throw new InvalidOperationException($"the daemon runs on {seconds} s after SIGTERM:\n" + Log());
    }

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Runs one command of the command line.</summary>
    public ToolResult Cli(params string[] arguments) =>
        Tool.Run(Machine.DaemonPath, [.. arguments, "--socket", SocketPath]);

    /// <summary>A command that must succeed; returns what it printed.</summary>
    public string CliOk(params string[] arguments)
    {
        ToolResult result = Cli(arguments);
        Assert.True(result.ExitCode == 0, $"cstor {string.Join(' ', arguments)}: {result}\n{Log()}");
        return result.Output;
    }

    /// <summary>
    /// A command that must be refused with this status, saying all of these words; returns what it said.
    /// </summary>
    public string CliFails(int exitCode, string[] arguments, params string[] words)
    {
        ToolResult result = Cli(arguments);
        Assert.True(result.ExitCode == exitCode, $"cstor {string.Join(' ', arguments)}: {result}\n{Log()}");
        Assert.All(words, word => Assert.Contains(word, result.Error, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", result.All, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", result.All, StringComparison.Ordinal);
        return result.Error;
    }

    /// <summary>A command's answer as JSON.</summary>
    public JsonElement Json(params string[] arguments)
    {
        using JsonDocument document = JsonDocument.Parse(CliOk([.. arguments, "--json"]));
        return document.RootElement.Clone();
    }

    /// <summary>A sparse file to make a pool of.</summary>
    public string Disk(string name, long bytes = 1L << 30)
    {
        string path = Path.Combine(Folder, name);
        using FileStream file = new(path, FileMode.CreateNew);
        file.SetLength(bytes);
        return path;
    }

    /// <summary>A loop device over a sparse file; needs root.</summary>
    public string LoopDisk(string name, long bytes = 1L << 30)
    {
        string device = Tool.Check("losetup", "--find", "--show", "--direct-io=on", Disk(name, bytes)).Trim();
        _loops.Add(device);
        return device;
    }

    /// <summary>The usual start of a test: a pool on one sparse file, a volume on it.</summary>
    public void MakeVolume(string volume = "tank/v", string size = "256M", long diskBytes = 2L << 30)
    {
        string pool = volume.Split('/')[0];
        CliOk("pool", "create", pool, Disk(pool + ".img", diskBytes));
        CliOk("volume", "create", volume, size);
    }

    public string Log()
    {
        if (!File.Exists(LogPath)) return "(no log)";
        string[] lines = File.ReadAllLines(LogPath);
        return string.Join('\n', lines.TakeLast(60));
    }

    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        if (IsRunning) Kill();
        _process?.Dispose();
        foreach (string device in _loops) Tool.Run("losetup", ["-d", device]);
        _output.WriteLine(Log());
        Directory.Delete(Folder, recursive: true);
    }

    private bool Answers()
    {
        using TcpClient client = new();
        try
        {
            client.Connect(Address, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
