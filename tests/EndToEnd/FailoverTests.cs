using System.Diagnostics;
using Cstor.Tests.Tidy;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Three nodes in network namespaces, and a Linux initiator in a virtual machine with a path to each: it goes
/// on without an error through all that happens to them.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class FailoverTests(ITestOutputHelper output)
{
    [RequiresFact(
        Machine.Root, "ip", "qemu-system-x86_64", Machine.Kernel, "busybox", "iscsid", "mkfs.ext4", "fio",
        "cpio", "multipathd")]
    public void A_file_system_goes_on_whatever_happens_to_one_node()
    {
        using NodesFixture nodes = new(output, hasNamespaces: true);
        nodes.MakeVolume(size: "256M");
        List<string> events = [];
        Exception? failure = null;
        string script = Path.Combine(SourceTree.Root, "tests", "EndToEnd", "scripts", "vm-run.sh");
        ToolResult result = Tool.Run(
            "env",
            [
                $"VM_PORTALS={nodes[0].Portal},{nodes[1].Portal},{nodes[2].Portal}", "VM_TIMEOUT=420",
                script, "0", DaemonFixture.TargetName("tank/v"), "replicas",
            ],
            seconds: 450,
            line =>
            {
                if (!line.StartsWith("vm: now ", StringComparison.Ordinal)) return;
                events.Add(line["vm: now ".Length..]);
                failure ??= Record.Exception(() => Happen(nodes, events[^1]));
            });
        output.WriteLine(result.ToString());
        Assert.Null(failure);
        Assert.True(result.ExitCode == 0, $"the scenario did not pass:\n{result}");
        Assert.Equal(["kill", "lose", "part", "follower", "slow", "roll"], events);
        nodes.AwaitInSync();
        nodes.AssertEqual();
    }

    private static void Happen(NodesFixture nodes, string what)
    {
        int leader = nodes.LeaderOf();
        int follower = (leader + 1) % 3;
        switch (what)
        {
            case "kill":
                nodes[leader].Kill();
                Thread.Sleep(6000);
                nodes[leader].Start();
                break;
            case "lose":
                NodesFixture.Network("cut", $"{leader + 1}");
                Thread.Sleep(8000);
                NodesFixture.Network("mend", $"{leader + 1}");
                break;
            case "part" or "follower":
                int parted = what == "part" ? leader : follower;
                NodesFixture.Network("part", $"{parted + 1}");
                Thread.Sleep(8000);
                NodesFixture.Network("join", $"{parted + 1}");
                break;
            case "slow":
                // Stopped for most of the time, never for so long that it counts as gone.
                Stopwatch slow = Stopwatch.StartNew();
                while (slow.Elapsed.TotalSeconds < 8)
                {
                    Tool.Check("sh", "-c", $"kill -STOP {nodes[follower].ProcessId}");
                    Thread.Sleep(250);
                    Tool.Check("sh", "-c", $"kill -CONT {nodes[follower].ProcessId}");
                    Thread.Sleep(100);
                }

                break;
            default:
                for (int i = 0; i < 3; i++)
                {
                    Assert.Equal(0, nodes[i].Stop());
                    nodes[i].Start();
                    nodes.AwaitInSync();
                }

                break;
        }

        nodes.AwaitInSync();
    }
}
