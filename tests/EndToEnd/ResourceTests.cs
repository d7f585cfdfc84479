using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>What the daemon takes from the machine: nothing when idle, bounded memory under load.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ResourceTests(ITestOutputHelper output)
{
    private const int MaxResidentKilobytes = 200 * 1024;
    private const int IdleSeconds = 10;

    [RequiresFact("qemu-img", "qemu-io")]
    public void Memory_stays_below_200_MiB_and_idle_means_idle()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume(size: "512M", diskBytes: 4L << 30);
        string url = daemon.Url("tank/v");
        for (int i = 0; i < 2; i++)
        {
            Load(url, "-w", "-c", "20000", "-d", "32", "-s", "4096", "-S", "24576");
            Load(url, "-c", "20000", "-d", "32", "-s", "16384");
            Load(url, "-w", "-c", "3000", "-d", "16", "-s", "131072");
        }

        int resident = StatusKilobytes(daemon.ProcessId, "VmRSS");
        int peak = StatusKilobytes(daemon.ProcessId, "VmHWM");
        output.WriteLine($"resident {resident / 1024} MiB, peak {peak / 1024} MiB");
        Assert.InRange(peak, 1, MaxResidentKilobytes);

        using QemuIoSession session = new(url); // a session that is open and does nothing
        session.Send("write -P 1 0 4k");
        session.WaitForWrites(1);
        Thread.Sleep(3000);
        int before = ProcessorTicks(daemon.ProcessId);
        Thread.Sleep(IdleSeconds * 1000);
        int ticks = ProcessorTicks(daemon.ProcessId) - before;
        output.WriteLine($"idle: {ticks} ticks of 10 ms in {IdleSeconds} s");
        Assert.InRange(ticks, 0, IdleSeconds); // of 100 ticks a second: one percent
    }

    private static void Load(string url, params string[] options) =>
        Tool.Check("qemu-img", ["bench", "-f", "raw", "-t", "none", .. options, url]);

    private static int StatusKilobytes(int process, string name)
    {
        string line = File.ReadLines($"/proc/{process}/status")
            .First(line => line.StartsWith(name, StringComparison.Ordinal));
        return Number(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1]);
    }

    /// <summary>User and system time, from the fields behind the program's name.</summary>
    private static int ProcessorTicks(int process)
    {
        string text = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return Number(fields[11]) + Number(fields[12]);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
