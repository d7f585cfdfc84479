using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Cstor.Tests.Tidy;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Three daemons that are peers of each other, with a pool <c>tank</c> each: on loopback, or each in a
/// network namespace of its own that can be cut off.
/// </summary>
internal sealed class NodesFixture : IDisposable
{
    private const int Nodes = 3;
    private const int PeerPort = 3270;

    private readonly bool _hasNamespaces;
    private readonly DaemonFixture[] _daemons;

    public NodesFixture(ITestOutputHelper output, bool hasNamespaces = false, long diskBytes = 2L << 30)
    {
        _hasNamespaces = hasNamespaces;
        if (hasNamespaces) Network("up");
        KeyFile = Path.GetTempFileName();
        File.WriteAllText(KeyFile, "a key that all of them share\n");
        IPAddress[] addresses = [.. Enumerable.Range(1, Nodes).Select(
            n => hasNamespaces ? IPAddress.Parse($"10.77.0.{n}") : IPAddress.Loopback)];
        string[] peers = [.. addresses.Select(
            address => $"{address}:{(hasNamespaces ? PeerPort : DaemonFixture.FreePort())}")];
        _daemons = [.. Enumerable.Range(0, Nodes).Select(i => new DaemonFixture(output, start: false)
        {
            Address = addresses[i],
            Namespace = hasNamespaces ? $"cstor{i + 1}" : "",
            DaemonArguments = ["--node", NameOf(i), "--peer", peers[i], "--peer-key-file", KeyFile],
        })];
        for (int i = 0; i < Nodes; i++)
        {
            _daemons[i].Start();
            _daemons[i].CliOk("pool", "create", "tank", _daemons[i].Disk("tank.img", diskBytes));
            for (int j = 0; j < Nodes; j++)
                if (i != j)
                    _daemons[i].CliOk("peer", "add", NameOf(j), peers[j]);
        }

        for (int i = 0; i < Nodes; i++)
        {
            int node = i;
            Until("the peers are connected", () => _daemons[node].Json("peer", "list").EnumerateArray()
                .All(static peer => peer.GetProperty("state").GetString() != "not connected"));
        }
    }

    public string KeyFile { get; }

    /// <summary>0 to 2.</summary>
    public DaemonFixture this[int node] => _daemons[node];

    public static string NameOf(int node) => $"node{node + 1}";

    /// <summary>A volume with a replica on each node, in sync.</summary>
    public void MakeVolume(string volume = "tank/v", string size = "256M", string block = "4K")
    {
        _daemons[0].CliOk(
            "volume", "create", "-b", block, "-o", "replicas=node1/tank,node2/tank,node3/tank", volume, size);
        AwaitInSync(volume);
    }

    /// <summary>The node that leads, as one that is up knows it; -1 for none.</summary>
    public int LeaderOf(string volume = "tank/v")
    {
        foreach (DaemonFixture daemon in _daemons)
        {
            if (!daemon.IsRunning) continue;
            string leader = Replicas(daemon, volume).GetProperty("leader").GetString()!;
            if (leader.Length > 0) return leader[^1] - '1';
        }

        return -1;
    }

    /// <summary>Waits until all replicas hold all that was acknowledged.</summary>
    public void AwaitInSync(string volume = "tank/v", int count = Nodes, int seconds = 60) =>
        Until($"{count} replicas of {volume} are in sync", () =>
        {
            int leader = LeaderOf(volume);
            if (leader < 0 || !_daemons[leader].IsRunning) return false;
            string[] states = [.. Replicas(_daemons[leader], volume).GetProperty("replicas").EnumerateArray()
                .Select(static replica => replica.GetProperty("state").GetString()!)];
            return states.Count(static state => state is "leads" or "in sync") == count;
        }, seconds);

    public static JsonElement Replicas(DaemonFixture daemon, string volume = "tank/v") =>
        daemon.Json("replica", "list", volume);

    /// <summary>All replicas have the same contents.</summary>
    public void AssertEqual(string volume = "tank/v")
    {
        string verified = _daemons[0].CliOk("volume", "verify", volume);
        Assert.Contains("that were compared are equal", verified, StringComparison.Ordinal);
        Assert.DoesNotContain("not compared", verified, StringComparison.Ordinal);
        Assert.Equal(Nodes, verified.Split('\n').Count(
            static line => line.StartsWith("  node", StringComparison.Ordinal)));
    }

    /// <summary>Changes the network between the nodes; see nodes.sh.</summary>
    public static void Network(params string[] arguments) => Tool.Check(
        Path.Combine(SourceTree.Root, "tests", "EndToEnd", "scripts", "nodes.sh"), arguments);

    public static void Until(string what, Func<bool> isSo, int seconds = 30)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!isSo())
        {
            if (waited.Elapsed.TotalSeconds > seconds)
                throw new InvalidOperationException($"after {seconds} s it is not so that {what}");
            Thread.Sleep(50);
        }
    }

    public void Dispose()
    {
        foreach (DaemonFixture daemon in _daemons) daemon.Dispose();
        File.Delete(KeyFile);
        if (_hasNamespaces) Network("down");
    }
}
