using Cstor.Tests.Tidy;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>The Linux kernel's own initiator, in a small virtual machine, with ext4 and XFS.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class KernelInitiatorTests(ITestOutputHelper output)
{
    private const string Qemu = "qemu-system-x86_64";

    [RequiresFact(Qemu, Machine.Kernel, "busybox", "iscsid", "mkfs.ext4", "mkfs.xfs", "fio", "cpio")]
    public void Ext4_and_xfs_hold_what_was_written()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "1G", diskBytes: 4L << 30);
        Run(daemon, "file-systems", onLine: null);
    }

    [RequiresFact(Qemu, Machine.Kernel, "busybox", "iscsid", "mkfs.ext4", "mkfs.xfs", "fio", "cpio")]
    public void Ext4_and_xfs_carry_on_when_the_daemon_is_killed_under_load()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "1G", diskBytes: 4L << 30);
        // Else what was not flushed yet may be lost, as with a disk's own cache, and the load would see it.
        daemon.CliOk("volume", "set", "tank/v", "sync=always");
        int restarts = 0;
        Exception? failure = null;
        Run(daemon, "killed-under-load", line =>
        {
            if (!line.StartsWith("vm: now ", StringComparison.Ordinal)) return;
            failure ??= Record.Exception(() =>
            {
                daemon.Kill();
                Thread.Sleep(1000); // long enough for the initiator to notice
                daemon.Start();
            });
            restarts++;
        });
        Assert.Null(failure);
        Assert.Equal(2, restarts);
        Assert.Equal("online", daemon.Json("pool", "status", "tank").GetProperty("health").GetString());
    }

    [RequiresFact(Qemu, Machine.Kernel, "busybox", "iscsid", "mkfs.ext4", "mkfs.xfs", "fio", "cpio")]
    public void The_kernel_logs_in_with_digests()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "64M");
        Run(daemon, "digests", onLine: null);
    }

    [RequiresFact(
        Qemu, Machine.Kernel, "busybox", "iscsid", "mkfs.ext4", "mkfs.xfs", "fio", "cpio", "multipathd")]
    public void Two_paths_lose_one_under_load_and_get_it_back()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "1G", diskBytes: 4L << 30);
        using CutLink second = new(daemon.Port);
        int cuts = 0;
        Run(
            daemon,
            "multipath",
            line =>
            {
                if (line.StartsWith("vm: now cut", StringComparison.Ordinal))
                {
                    second.Cut();
                    cuts++;
                }

                if (line.StartsWith("vm: now mend", StringComparison.Ordinal)) second.Mend();
            },
            second.Port);
        Assert.Equal(2, cuts);
    }

    [RequiresFact(Qemu, Machine.Kernel, "busybox", "iscsid", "sg_persist", "cpio")]
    public void Two_nodes_of_a_cluster_fence_each_other_across_a_restart_of_the_daemon()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "64M");
        int restarts = 0;
        Run(daemon, "cluster", line =>
        {
            if (line != "vm: now restart") return;
            daemon.Kill();
            daemon.Start();
            restarts++;
        });
        Assert.Equal(1, restarts);
    }

    private void Run(DaemonFixture daemon, string scenario, Action<string>? onLine, int secondPort = 0)
    {
        string script = Path.Combine(SourceTree.Root, "tests", "EndToEnd", "scripts", "vm-run.sh");
        ToolResult result = Tool.Run(
            "env",
            [
                $"VM_PORT2={secondPort}", script, $"{daemon.Port}", DaemonFixture.TargetName("tank/v"),
                scenario,
            ],
            seconds: 330,
            onLine);
        output.WriteLine(result.ToString());
        Assert.True(result.ExitCode == 0, $"the scenario {scenario} did not pass:\n{result}");
        Assert.True(daemon.IsRunning);
    }
}
