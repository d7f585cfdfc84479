using Xunit;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A container of the image, privileged and on the host's network as in the field; its storage, its state
/// and its socket are in a folder of the test's.
/// </summary>
internal sealed class Container : IDisposable
{
    private readonly string _folder;

    public Container(string folder, string image, params string[] arguments)
    {
        _folder = folder;
        // Limits and control groups of the machine that tests run on may be narrower than the defaults.
        File.WriteAllText(
            Path.Combine(folder, "containers.conf"),
            "[containers]\ndefault_ulimits=[\"nofile=16384:16384\",\"nproc=8192:8192\"]\n"
                + "[engine]\ncgroup_manager=\"cgroupfs\"\nruntime=\"runc\"\nevents_logger=\"file\"\n");
        Directory.CreateDirectory(Path.Combine(folder, "state"));
        Directory.CreateDirectory(Path.Combine(folder, "run"));
        Podman("load", "-i", image);
        Podman(
            ["run", "-d", "--name", "cstor", "--privileged", "--network", "host", "-v", "/dev:/dev",
                "-v", $"{folder}/state:/var/lib/cstor", "-v", $"{folder}/run:/run/cstor",
                "localhost/cstor:latest", "daemon", .. arguments]);
        WaitUntilReady();
    }

    /// <summary>A command of the command line, run within.</summary>
    public string Cli(params string[] words) => Podman(["exec", "cstor", "cstor", .. words]);

    public void KillAndStart()
    {
        Podman("kill", "-s", "KILL", "cstor");
        Podman("start", "cstor");
        WaitUntilReady();
    }

    public void Dispose()
    {
        Run("rm", "-f", "cstor");
        Run("system", "reset", "-f");
    }

    private void WaitUntilReady()
    {
        for (int attempts = 0; Run("exec", "cstor", "cstor", "pool", "list").ExitCode != 0; attempts++)
        {
            Assert.True(attempts < 100, Run("logs", "cstor").All);
            Thread.Sleep(100);
        }
    }

    private string Podman(params string[] words)
    {
        ToolResult result = Run(words);
        Assert.True(result.ExitCode == 0, $"podman {string.Join(' ', words)}: {result}");
        return result.Output;
    }

    private ToolResult Run(params string[] words) => Tool.Run(
        "sh",
        ["-c", $"export CONTAINERS_CONF='{_folder}/containers.conf'; exec podman \"$@\"", "podman",
            "--root", $"{_folder}/storage", "--runroot", $"{_folder}/runroot", "--storage-driver", "vfs",
            .. words]);
}
