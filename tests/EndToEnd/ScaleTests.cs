using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Much of everything on one daemon: it starts and answers, also while a device hangs. How long things take
/// is printed and not asserted, as it is the machine's to say.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ScaleTests(ITestOutputHelper output)
{
    private const int Volumes = 200;
    private const int SnapshotsEach = 5;
    private const int Sessions = 500;
    private const int BlockBytes = 4096;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What an operator asks, in the order of despair.</summary>
    private static readonly string[] Questions =
    [
        "pool list", "pool status", "pool status tank --json", "volume list", "volume list --json",
        "volume status tank/v7", "volume get tank/v7 share", "volume explain tank/v7", "snapshot list",
        "snapshot list tank/v7", "snapshot holds tank", "target list", "target list -v --json", "disk list",
        "job list -a", "pool history", "pool events",
    ];

    [RequiresFact(Machine.Loop, "mkfs.ext4", "mount", "fsfreeze")]
    public async Task Two_hundred_volumes_a_thousand_snapshots_and_five_hundred_sessions()
    {
        using DaemonFixture daemon = new(output, start: false);
        daemon.DaemonArguments = ["--device-timeout", "2"];
        daemon.Start();
        using FrozenDisk disk = new(daemon);
        using Ending end = new(daemon, disk);
        daemon.CliOk("pool", "create", "hang", disk.DevicePath);
        daemon.CliOk("volume", "create", "hang/v", "64M");
        Fill(daemon);
        List<WireClient> clients = await LogInAsync(daemon);
        await UseAsync(clients, 1);
        Ask(daemon, "all is well");
        Change(daemon, "all is well");

        disk.Freeze();
        using Process stuck = Tool.Start(
            Machine.DaemonPath, ["volume", "create", "hang/w", "64M", "--socket", daemon.SocketPath],
            redirectInput: false);
        NodesFixture.Until("the device hangs", () => daemon.CliOk("pool", "status", "hang", "--json")
            .Contains("does not answer", StringComparison.Ordinal));
        Ask(daemon, "a device hangs");
        Change(daemon, "a device hangs");
        await UseAsync(clients, 2);
        disk.Thaw();
        stuck.WaitForExit(Patience);

        foreach (WireClient client in clients) client.Dispose();
        daemon.Kill();
        Stopwatch watch = Stopwatch.StartNew();
        daemon.Start();
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  from a kill to serving");
        clients = await LogInAsync(daemon);
        await UseAsync(clients, 3);
        foreach (WireClient client in clients) client.Dispose();
        Assert.Equal(0, daemon.Stop());
        watch.Restart();
        daemon.Start();
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  from a stop to serving");
        Assert.Equal(Volumes * SnapshotsEach, daemon.Json("snapshot", "list", "tank").GetArrayLength());
    }

    private void Fill(DaemonFixture daemon)
    {
        Stopwatch watch = Stopwatch.StartNew();
        daemon.CliOk("pool", "create", "tank", daemon.Disk("tank.img", 16L << 30));
        for (int i = 0; i < Volumes; i++) daemon.CliOk("volume", "create", NameOf(i), "64M");
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  {Volumes} volumes made");
        watch.Restart();
        for (int i = 0; i < SnapshotsEach; i++)
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"@s{i}");
            daemon.CliOk(["snapshot", .. Enumerable.Range(0, Volumes).Select(volume => NameOf(volume) + at)]);
        }
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  {Volumes * SnapshotsEach} snapshots taken");
    }

    private async Task<List<WireClient>> LogInAsync(DaemonFixture daemon)
    {
        Stopwatch watch = Stopwatch.StartNew();
        List<WireClient> clients = [];
        for (int i = 0; i < Sessions; i++)
        {
            string target = DaemonFixture.TargetName(NameOf(i % Volumes));
            clients.Add(await WireClient.LogInAsync(daemon.Port, target, i).WaitAsync(Patience));
        }
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  {Sessions} sessions logged in");
        return clients;
    }

    /// <summary>Each session writes a block of its own and reads it.</summary>
    private async Task UseAsync(List<WireClient> clients, int seed)
    {
        Stopwatch watch = Stopwatch.StartNew();
        await Task.WhenAll(clients.Select(async (client, number) =>
        {
            byte[] block = new byte[BlockBytes];
            new Random((seed * Sessions) + number).NextBytes(block);
            uint at = (uint)(number / Volumes * (BlockBytes / 512));
            await client.WriteAsync(at, block);
            ReadOnlyMemory<byte> read = await client.ReadAsync(at, BlockBytes);
            Assert.True(read.Span.SequenceEqual(block), $"session {number}: other bytes");
        })).WaitAsync(Patience);
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  every session was served");
    }

    private void Ask(DaemonFixture daemon, string when)
    {
        foreach (string question in Questions) Time(daemon, when, question);
        Assert.Equal(Volumes, daemon.Json("volume", "list", "tank").GetArrayLength());
        Assert.Equal(Volumes * SnapshotsEach, daemon.Json("snapshot", "list", "tank").GetArrayLength());
        JsonElement targets = daemon.Json("target", "list");
        int sessions = targets.EnumerateArray().Sum(
            static target => target.GetProperty("sessions").GetArrayLength());
        Assert.Equal(Sessions, sessions);
    }

    private void Change(DaemonFixture daemon, string when)
    {
        foreach (string change in (string[])
            [
                "volume create tank/new 64M", "volume set tank/new share=50", "volume resize tank/new 96M",
                "snapshot tank/new@a", "clone tank/new@a tank/copy", "volume destroy tank/copy",
                "volume destroy -r tank/new",
            ])
        {
            Time(daemon, when, change);
        }
    }

    private void Time(DaemonFixture daemon, string when, string words)
    {
        Stopwatch watch = Stopwatch.StartNew();
        daemon.CliOk(words.Split(' '));
        output.WriteLine($"{watch.ElapsedMilliseconds,6} ms  {words}, while {when}");
    }

    /// <summary>After a failure too, the daemon must let go of the disk before that goes.</summary>
    private sealed class Ending(DaemonFixture daemon, FrozenDisk disk) : IDisposable
    {
        public void Dispose()
        {
            disk.Thaw();
            if (daemon.IsRunning) daemon.Kill();
        }
    }

    private static string NameOf(int volume) =>
        string.Create(CultureInfo.InvariantCulture, $"tank/v{volume}");
}
