// Pools of every redundant layout on loop devices, each with a volume that the kernel's initiator writes and
// verifies, while as many devices as the layout spares disappear, or are filled with random bytes, or both.
// Then what was lost is replaced, what was overwritten is scrubbed, and the whole-pool check finds nothing.
using System.Collections.Concurrent;
using System.Text.Json;
using Cstor.Tests.Tidy;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class RedundancyTests(ITestOutputHelper output)
{
    private const long DiskBytes = 192L << 20;

    private static readonly (string Pool, string Kind, int Width, int Spared)[] Layouts =
    [
        ("m2", "mirror", 2, 1), ("m3", "mirror", 3, 2), ("m4", "mirror", 4, 3),
        ("z1", "raidz", 3, 1), ("z2", "raidz2", 5, 2), ("z3", "raidz3", 6, 3),
    ];

    [RequiresFact(
        "qemu-system-x86_64", Machine.Kernel, Machine.Loop, "busybox", "iscsid", "fio", "cpio", "dd")]
    public void All_data_stays_right_whatever_devices_each_layout_can_spare_are_lost_or_overwritten()
    {
        using DaemonFixture daemon = new(output);
        Dictionary<string, string[]> devices = [];
        foreach ((string pool, string kind, int width, _) in Layouts)
        {
            devices[pool] =
                [.. Enumerable.Range(0, width).Select(disk => daemon.LoopDisk($"{pool}-{disk}", DiskBytes))];
            daemon.CliOk(["pool", "create", pool, kind, .. devices[pool]]);
            daemon.CliOk("volume", "create", $"{pool}/v", "32M");
        }

        ConcurrentQueue<string> failures = new();
        Task work = Task.CompletedTask;
        string script = Path.Combine(SourceTree.Root, "tests", "EndToEnd", "scripts", "vm-run.sh");
        ToolResult result = Tool.Run(
            script, [$"{daemon.Port}", DaemonFixture.TargetName("m2/v"), "redundancy"], seconds: 330, line =>
            {
                string[] words = line.Split(' ');
                if (words.Length != 3 || words[0] != "vm:" || words[1] is not ("now" or "done")) return;
                work = work.ContinueWith(
                    _ =>
                    {
                        Exception? failure = Record.Exception(() =>
                        {
                            foreach ((string pool, string _, int _, int spared) in Layouts)
                                if (words[1] == "now") Hurt(daemon, pool, devices[pool], spared, words[2]);
                                else Mend(daemon, pool, devices[pool], spared, words[2]);
                            string answer = words[1] == "now" ? "hurt" : "mended";
                            daemon.CliOk("volume", "create", $"m2/{answer}-{words[2]}", "1M");
                        });
                        if (failure is not null) failures.Enqueue(failure.ToString());
                    },
                    TaskScheduler.Default);
            });
        Assert.True(work.Wait(TimeSpan.FromMinutes(2)), "mending did not end");
        output.WriteLine(result.ToString());
        Assert.Empty(failures);
        Assert.True(result.ExitCode == 0, $"the load did not pass:\n{result}");
        foreach ((string pool, string _, int _, int _) in Layouts)
        {
            daemon.CliOk("pool", "check", pool);
            JsonElement status = daemon.Json("pool", "status", pool);
            Assert.Equal("online", status.GetProperty("health").GetString());
        }
    }

    // In the last phase the first of the victims is removed and the others are overwritten.
    private static void Hurt(DaemonFixture daemon, string pool, string[] devices, int spared, string phase)
    {
        for (int victim = 0; victim < spared; victim++)
        {
            bool isRemoved = phase == "removed" || (phase == "both" && victim == 0);
            int disk = phase == "removed" ? victim : devices.Length - 1 - victim;
            string file = Path.Combine(daemon.Folder, $"{pool}-{disk}");
            if (isRemoved) Resize(file, devices[disk], 1 << 20);
            else Tool.Check("sh", "-c", $"dd if=/dev/urandom of='{file}' bs=1M seek=1 count=64 conv=notrunc "
                + "oflag=direct status=none");
        }
    }

    private static void Mend(DaemonFixture daemon, string pool, string[] devices, int spared, string phase)
    {
        for (int victim = 0; victim < spared; victim++)
        {
            bool isRemoved = phase == "removed" || (phase == "both" && victim == 0);
            if (!isRemoved) continue;
            int disk = phase == "removed" ? victim : devices.Length - 1 - victim;
            Resize(Path.Combine(daemon.Folder, $"{pool}-{disk}"), devices[disk], DiskBytes);
            daemon.Cli("pool", "offline", pool, devices[disk]);
            daemon.CliOk("pool", "replace", "-f", pool, devices[disk]);
        }

        daemon.CliOk("pool", "wait", pool);
        daemon.CliOk("pool", "scrub", "-w", pool);
        daemon.CliOk("pool", "clear", pool);
        daemon.CliOk("pool", "check", pool);
    }

    // A device that ends early answers everything behind with an error.
    private static void Resize(string file, string device, long bytes)
    {
        using (FileStream stream = new(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            stream.SetLength(bytes);
        Tool.Check("losetup", "-c", device);
    }
}
