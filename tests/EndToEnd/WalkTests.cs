using System.Diagnostics;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A user's walk through every command: what the documents do from the first pool to the last day, on loop
/// devices. A command that is not walked fails the test, so that none is added without it.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class WalkTests(ITestOutputHelper output)
{
    private const int PatienceSeconds = 30;
    private const long DiskBytes = 512L << 20;

    [RequiresFact(Machine.Loop)]
    public void Every_command_is_walked_and_ends_with_0()
    {
        using NodesFixture nodes = new(output);
        Walk walk = new(output);
        DaemonFixture here = nodes[0];
        walk.Note("daemon");
        string[] disks = [.. Enumerable.Range(0, 4).Select(i => here.LoopDisk($"loop{i}", DiskBytes))];
        MakePool(walk, here, disks);
        UseVolumes(walk, here);
        UseSnapshots(walk, here);
        UseStreamsAndJobs(walk, here);
        Observe(walk, here);
        Replicate(walk, nodes);
        End(walk, here, disks);
        Assert.Empty(walk.Missing);
    }

    private static void MakePool(Walk walk, DaemonFixture here, string[] disks)
    {
        walk.Do(here, "disk list");
        walk.Do(here, $"pool create -n lake mirror {disks[0]} {disks[1]}");
        walk.Do(here, $"pool create lake mirror {disks[0]} {disks[1]}");
        walk.Do(here, "pool list");
        walk.Do(here, "pool status lake");
        walk.Do(here, $"pool add lake spare {disks[2]}");
        walk.Do(here, $"pool detach lake {disks[2]}");
        walk.Do(here, $"pool attach lake {disks[0]} {disks[2]}");
        walk.Do(here, "pool wait lake");
        walk.Do(here, $"pool replace lake {disks[1]} {disks[3]}");
        walk.Do(here, "pool wait -t resilver lake");
        walk.Do(here, $"pool offline lake {disks[2]}");
        walk.Do(here, $"pool online lake {disks[2]}");
        walk.Do(here, "pool wait lake");
        walk.Do(here, $"pool clear lake {disks[2]}");
        walk.Do(here, "pool scrub -w lake");
        walk.Do(here, "pool check lake");
        Assert.Contains("online", here.CliOk("pool", "list"), StringComparison.Ordinal);
    }

    private static void UseVolumes(Walk walk, DaemonFixture here)
    {
        walk.Do(here, "volume create -b 16K -o compression=lz4 lake/db 64M");
        walk.Do(here, "volume list lake");
        walk.Do(here, "volume status lake/db");
        walk.Do(here, "volume set lake/db share=200 iops-limit=5000 snapshot-schedule=");
        Assert.Contains("200", walk.Do(here, "volume get lake/db share"), StringComparison.Ordinal);
        walk.Do(here, "volume resize lake/db 96M");
        Assert.Contains("lake.db", walk.Do(here, "target list -v"), StringComparison.Ordinal);
        string portal = $"127.0.0.1:{DaemonFixture.FreePort()}";
        walk.Do(here, $"target portal add {portal}");
        walk.Do(here, $"target portal remove {portal}");
    }

    private static void UseSnapshots(Walk walk, DaemonFixture here)
    {
        walk.Do(here, "snapshot lake/db@monday");
        walk.Do(here, "snapshot lake/db@tuesday");
        walk.Do(here, "snapshot list lake/db");
        walk.Do(here, "snapshot hold audit lake/db@monday");
        Assert.Contains("audit", walk.Do(here, "snapshot holds lake"), StringComparison.Ordinal);
        walk.Do(here, "snapshot release audit lake/db@monday");
        walk.Do(here, "snapshot rename lake/db@monday before");
        walk.Do(here, "volume rollback lake/db@tuesday");
        walk.Do(here, "clone -o sync=disabled lake/db@tuesday lake/test");
        walk.Do(here, "volume promote lake/test");
        walk.Do(here, "volume destroy lake/db");
        walk.Do(here, "volume rename lake/test lake/db");
        walk.Do(here, "snapshot destroy lake/db@before");
        walk.Do(here, "pool wait -t free lake");
    }

    private static void UseStreamsAndJobs(Walk walk, DaemonFixture here)
    {
        string file = Path.Combine(here.Folder, "db.stream");
        walk.Shell(here, $"cstor volume send lake/db@tuesday > {file}");
        walk.Shell(here, $"cstor volume receive lake/copy < {file}");
        walk.Do(here, $"debug stream {file}");
        Assert.Contains("send-1", walk.Do(here, "job list --all"), StringComparison.Ordinal);
        walk.Do(here, "job watch scrub-lake");

        // A stream whose sender says nothing, until somebody has enough of it.
        string receive =
            $"sleep 60 | '{Machine.DaemonPath}' volume receive lake/x --socket {here.SocketPath}";
        using Process waiting = Tool.Start("sh", ["-c", receive], redirectInput: false);
        string? id = null;
        NodesFixture.Until("the stream is a job", () => (id = RunningJob(here)) is not null, PatienceSeconds);
        walk.Do(here, $"job cancel {id}");
        NodesFixture.Until("the stream is no job any more", () => RunningJob(here) is null, PatienceSeconds);
        waiting.Kill(entireProcessTree: true);
    }

    private static string? RunningJob(DaemonFixture here)
    {
        foreach (JsonElement job in here.Json("job", "list").EnumerateArray())
        {
            if (job.GetProperty("kind").GetString() == "receive") return job.GetProperty("id").GetString();
        }
        return null;
    }

    private static void Observe(Walk walk, DaemonFixture here)
    {
        walk.Do(here, "pool iostat -v -l lake");
        walk.Do(here, "volume iostat lake");
        walk.Do(here, "volume explain lake/db");
        Assert.Contains("pool create", walk.Do(here, "pool history lake"), StringComparison.Ordinal);
        walk.Do(here, "pool events lake");
    }

    private static void Replicate(Walk walk, NodesFixture nodes)
    {
        DaemonFixture here = nodes[0];
        JsonElement third = here.Json("peer", "list").EnumerateArray()
            .First(peer => peer.GetProperty("name").GetString() == "node3");
        walk.Do(here, "peer list");
        walk.Do(here, "peer remove node3");
        walk.Do(here, $"peer add node3 {third.GetProperty("address").GetString()}");
        NodesFixture.Until("node3 is connected", () => here.Json("peer", "list").EnumerateArray()
            .All(static peer => peer.GetProperty("state").GetString() != "not connected"));
        walk.Do(here, "volume create -o replicas=node1/tank,node2/tank tank/v 64M");
        NodesFixture.Until("both replicas are in sync", () => StatesOf(here).Order(StringComparer.Ordinal)
            .SequenceEqual(["in sync", "leads"]));
        walk.Do(here, "replica add tank/v node3/tank");
        nodes.AwaitInSync();
        walk.Do(here, "replica list tank/v");
        walk.Do(here, "volume verify tank/v");
        walk.Do(here, "volume lead tank/v node2");
        NodesFixture.Until("node2 leads", () => nodes.LeaderOf() == 1);
        nodes.AwaitInSync();
        walk.Do(here, "replica remove tank/v node3");
        walk.Do(here, "volume destroy -r tank/v");
    }

    private static IEnumerable<string> StatesOf(DaemonFixture here) =>
        NodesFixture.Replicas(here).GetProperty("replicas").EnumerateArray()
            .Select(static replica => replica.GetProperty("state").GetString()!);

    private static void End(Walk walk, DaemonFixture here, string[] disks)
    {
        string file = Path.Combine(here.Folder, "cstor.conf");
        File.WriteAllText(file, "log-level = info\n");
        walk.Do(here, $"config check {file}");
        walk.Do(here, "pool export lake");
        string[] members = [disks[0], disks[2], disks[3]];
        walk.Do(here, $"debug label {disks[0]}");
        walk.Do(here, $"debug uberblock {disks[0]}");
        walk.Do(here, $"debug tree {string.Join(' ', members)}");
        walk.Do(here, $"debug log {string.Join(' ', members)}");
        walk.Do(here, $"pool check -d {string.Join(" -d ", members)} lake");
        walk.Do(here, $"pool import -d {string.Join(" -d ", members)} lake");
        walk.Do(here, "pool destroy -n -f lake");
        walk.Do(here, "pool destroy -f lake");
    }
}
