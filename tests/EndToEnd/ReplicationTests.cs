using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>Volumes with replicas on three nodes, by the command line and through real initiators.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ReplicationTests(ITestOutputHelper output)
{
    private const int Register = 0;
    private const int Reserve = 1;
    private const int Release = 2;
    private const int PreemptAndAbort = 5;
    private const int ReadReservation = 1;
    private const byte WriteExclusive = 1;
    private const int CheckCondition = 0x02;
    private const int Busy = 0x08;
    private const int Conflict = 0x18;

    [RequiresFact("qemu-io")]
    public void A_volume_is_made_read_written_snapshotted_and_destroyed_on_all_nodes()
    {
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        int leader = nodes.LeaderOf();
        for (int i = 0; i < 3; i++)
        {
            // Every path works, whether or not it ends at the leader.
            QemuIo(nodes[i], $"write -P {i + 1} {i}M 300k", $"discard {i + 10}M 64k", "flush");
        }

        for (int i = 0; i < 3; i++)
            QemuIo(
                nodes[i], "read -P 1 0 300k", "read -P 2 1M 300k", "read -P 3 2M 300k", "read -P 0 5M 64k");
        nodes[(leader + 1) % 3].CliOk("snapshot", "tank/v@monday");
        for (int i = 0; i < 3; i++)
        {
            Assert.Contains("tank/v@monday", nodes[i].CliOk("snapshot", "list", "tank/v"));
            JsonElement replicas = NodesFixture.Replicas(nodes[i]);
            Assert.Equal(NodesFixture.NameOf(leader), replicas.GetProperty("leader").GetString());
        }

        nodes.AssertEqual();
        string identity = nodes[0].Json("volume", "status", "tank/v").GetProperty("id").GetString()!;
        Assert.Equal(identity, nodes[1].Json("volume", "status", "tank/v").GetProperty("id").GetString());
        nodes[1].CliFails(1, ["volume", "set", "tank/v", "readonly=on"], "cannot be made read-only");
        nodes[0].CliFails(1, ["volume", "rollback", "tank/v@monday"], "cannot be rolled back");
        string stream = Path.Combine(nodes[0].Folder, "stream");
        Tool.Check("sh", "-c", $"\"{Machine.DaemonPath}\" volume send tank/v@monday --socket "
            + $"{nodes[0].SocketPath} > {stream}");
        ToolResult received = Tool.Run("sh", ["-c", $"\"{Machine.DaemonPath}\" volume receive -F tank/v "
            + $"--socket {nodes[1].SocketPath} < {stream}"]);
        Assert.NotEqual(0, received.ExitCode);
        Assert.Contains("no stream can go into it", received.Error, StringComparison.Ordinal);
        nodes[0].CliOk("snapshot", "destroy", "tank/v@monday");
        for (int i = 0; i < 3; i++)
            Assert.Equal(0, nodes[i].Json("snapshot", "list", "tank/v").GetArrayLength());
        nodes[2].CliOk("volume", "destroy", "-r", "tank/v");
        for (int i = 0; i < 3; i++)
            Assert.Equal(0, nodes[i].Json("volume", "list").GetArrayLength());
    }

    [RequiresFact]
    public void What_cannot_be_replicated_is_refused_and_leaves_nothing_behind()
    {
        using NodesFixture nodes = new(output);
        nodes[2].CliOk("volume", "create", "tank/taken", "64M");
        Refused("node1/tank,node4/tank", "tank/v", "no peer 'node4'");
        Refused("node1/tank,node2/lake", "tank/v", "node2: there is no pool 'lake'");
        Refused("node2/tank,node3/tank", "tank/v", "node1/tank, is not among them");
        Refused("node1/tank,node2/tank,node2/lake", "tank/v", "two replicas are on one node");
        Refused("node1/tank,node2/tank,node3/tank", "tank/taken", "node3: tank/taken exists already");
        Refused("node1/tank,node2", "tank/v", "NODE/POOL");
        nodes[0].CliFails(
            1, ["volume", "create", "--thick", "-o", "replicas=node1/tank,node2/tank", "tank/v", "500G"],
            "node2: ");
        Assert.Equal(0, nodes[0].Json("volume", "list").GetArrayLength());
        Assert.Equal(0, nodes[1].Json("volume", "list").GetArrayLength());
        Assert.Equal(1, nodes[2].Json("volume", "list").GetArrayLength());

        void Refused(string replicas, string volume, string reason) => nodes[0].CliFails(
            1, ["volume", "create", "-o", "replicas=" + replicas, volume, "64M"], reason);
    }

    [RequiresFact]
    public void A_peer_with_another_key_or_name_is_not_connected_and_says_why()
    {
        using NodesFixture nodes = new(output);
        string other = Path.Combine(nodes[0].Folder, "other-key");
        File.WriteAllText(other, "a key that nobody else has");
        nodes[1].Stop();
        string[] arguments = nodes[1].DaemonArguments;
        nodes[1].DaemonArguments = [.. arguments[..^1], other];
        nodes[1].Start();
        NodesFixture.Until("the reason is known", () => Peer(0, "node2").GetProperty("detail").GetString()!
            .Contains("key", StringComparison.Ordinal));
        Assert.Equal("not connected", Peer(0, "node2").GetProperty("state").GetString());
        nodes[0].CliFails(
            1, ["volume", "create", "-o", "replicas=node1/tank,node2/tank", "tank/v", "64M"],
            "node2 cannot be reached");
        nodes[1].Stop();
        nodes[1].DaemonArguments = ["--node", "node9", .. arguments[2..]];
        nodes[1].Start();
        NodesFixture.Until("the name is known", () => Peer(0, "node2").GetProperty("detail").GetString()!
            .Contains("node9", StringComparison.Ordinal));
        nodes[0].CliFails(1, ["peer", "add", "node1", "127.0.0.1:5"], "is this node");
        nodes[0].CliFails(2, ["peer", "add", "no de", "127.0.0.1:5"], "is no node name");
        nodes[0].CliFails(1, ["peer", "remove", "node7"], "no peer 'node7'");
        nodes[0].CliOk("peer", "remove", "node2");
        Assert.Equal(2, nodes[0].Json("peer", "list").GetArrayLength());

        JsonElement Peer(int node, string name) => nodes[node].Json("peer", "list").EnumerateArray()
            .Single(peer => peer.GetProperty("name").GetString() == name);
    }

    [RequiresFact("qemu-io")]
    public void The_leader_is_killed_and_whoever_is_on_another_path_goes_on()
    {
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        for (int round = 1; round <= 2; round++)
        {
            int leader = nodes.LeaderOf();
            DaemonFixture path = nodes[(leader + 1) % 3];
            using (QemuIoSession session = new(path.Url("tank/v")))
            {
                for (int i = 0; i < 400; i++) session.Send($"write -P {round} {i * 64}k 16k");
                session.EndInput();
                session.WaitForWrites(40);
                nodes[leader].Kill();
                session.WaitForWrites(400, seconds: 60);
            }

            QemuIo(path, [.. Enumerable.Range(0, 400).Select(i => $"read -P {round} {i * 64}k 16k")]);
            nodes[leader].Start();
            nodes.AwaitInSync();
            nodes.AssertEqual();
        }
    }

    [RequiresFact("qemu-io")]
    public void All_nodes_are_restarted_one_after_the_other_under_load()
    {
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        using QemuIoSession session = new(nodes[0].Url("tank/v"));
        for (int i = 0; i < 3000; i++) session.Send($"write -P 7 {i * 16}k 16k");
        session.EndInput();
        for (int i = 1; i < 3; i++)
        {
            session.WaitForWrites(50 * i);
            Assert.Equal(0, nodes[i].Stop());
            nodes[i].Start();
            nodes.AwaitInSync();
        }

        nodes[1].CliOk("volume", "lead", "tank/v", "node3");
        Assert.Equal(2, nodes.LeaderOf());
        session.WaitForWrites(3000, seconds: 120);
        QemuIo(nodes[1], "read -P 7 0 40M");
        nodes.AssertEqual();
    }

    [RequiresFact("qemu-io")]
    public void A_replica_is_added_to_a_volume_in_use_and_another_removed()
    {
        using NodesFixture nodes = new(output);
        nodes[0].CliOk("volume", "create", "-b", "4K", "tank/v", "256M");
        QemuIo(nodes[0], "write -P 5 0 8M");
        string identity = nodes[0].Json("volume", "status", "tank/v").GetProperty("id").GetString()!;
        nodes[0].CliOk("replica", "add", "tank/v", "node2/tank");
        nodes.AwaitInSync(count: 2);
        QemuIo(nodes[1], "read -P 5 0 8M", "write -P 6 8M 1M");
        nodes[1].CliOk("replica", "add", "tank/v", "node3/tank");
        nodes.AwaitInSync(count: 3);
        nodes.AssertEqual();
        Assert.Equal(identity, nodes[2].Json("volume", "status", "tank/v").GetProperty("id").GetString());
        nodes[0].CliFails(1, ["replica", "add", "tank/v", "node3/tank"], "has a replica on node3 already");
        nodes[0].CliFails(1, ["replica", "remove", "tank/v", "node9"], "no replica on node9");
        nodes[0].CliFails(1, ["peer", "remove", "node2"], "tank/v has a replica");

        // The first one goes: it hands over, and is destroyed; a dead one is replaced.
        nodes[1].CliOk("volume", "lead", "tank/v", "node2");
        nodes[1].CliOk("replica", "remove", "tank/v", "node1");
        Assert.Equal(0, nodes[0].Json("volume", "list").GetArrayLength());
        QemuIo(nodes[2], "read -P 5 0 8M", "read -P 6 8M 1M");
        nodes[1].CliOk("replica", "add", "tank/v", "node1/tank");
        nodes.AwaitInSync(count: 3);
        nodes.AssertEqual();
    }

    [RequiresFact]
    public async Task A_reservation_binds_initiators_on_every_path_and_outlives_the_leader()
    {
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        int leader = nodes.LeaderOf();
        byte[] block = new byte[512];
        using WireClient one = await LogInAsync(nodes[(leader + 1) % 3], 1);
        using WireClient two = await LogInAsync(nodes[(leader + 2) % 3], 2);
        Assert.Equal(0, await SettledAsync(() => one.ReserveOutAsync(Register, 0, 11)));
        Assert.Equal(0, await SettledAsync(() => two.ReserveOutAsync(Register, 0, 22)));
        Assert.Equal(0, await SettledAsync(() => one.ReserveOutAsync(Reserve, 11, 0, WriteExclusive)));
        Assert.Equal(Conflict, await two.TryWriteAsync(0, block));
        Assert.Equal(0, await one.TryWriteAsync(0, block));
        Assert.Equal(11u, await two.ReserveInAsync(ReadReservation, 8));
        Assert.Equal(
            0, await SettledAsync(() => two.ReserveOutAsync(PreemptAndAbort, 22, 11, WriteExclusive)));
        Assert.Equal(Conflict, await SettledAsync(() => one.TryWriteAsync(0, block)));
        Assert.Equal(0, await two.TryWriteAsync(0, block));

        nodes[leader].Kill();
        NodesFixture.Until("another leads", () => nodes.LeaderOf() is >= 0 and var now && now != leader);
        Assert.Equal(Conflict, await SettledAsync(() => one.TryWriteAsync(0, block)));
        Assert.Equal(0, await SettledAsync(() => two.TryWriteAsync(0, block)));
        nodes[leader].Start();
        nodes.AwaitInSync();
        using WireClient three = await LogInAsync(nodes[leader], 3);
        Assert.Equal(Conflict, await SettledAsync(() => three.TryWriteAsync(0, block)));
        Assert.Equal(22u, await three.ReserveInAsync(ReadReservation, 8));
        Assert.Equal(0, await SettledAsync(() => two.ReserveOutAsync(Release, 22, 0, WriteExclusive)));
        Assert.Equal(0, await SettledAsync(() => three.TryWriteAsync(0, block)));
        nodes.AssertEqual();
    }

    [RequiresFact]
    public async Task Another_size_is_announced_on_every_path_or_refused_by_the_node_where_it_does_not_fit()
    {
        const int CapacityChanged = 0x2a09;
        using NodesFixture nodes = new(output);
        nodes.MakeVolume(size: "64M");
        int leader = nodes.LeaderOf();
        List<WireClient> clients = [];
        for (int i = 0; i < 3; i++) clients.Add(await LogInAsync(nodes[i], i));
        nodes[(leader + 1) % 3].CliFails(1, ["volume", "resize", "tank/v", "32M"], "would shrink");
        nodes[(leader + 1) % 3].CliOk("volume", "resize", "tank/v", "128M");
        foreach (WireClient client in clients)
        {
            int sense = 0;
            for (int i = 0; i < 100 && sense == 0; i++)
            {
                sense = await client.AskReadyAsync();
                if (sense == 0) await Task.Delay(20);
            }

            Assert.Equal(CapacityChanged, sense);
            Assert.Equal(0, await client.AskReadyAsync());
            Assert.Equal(128L << 20, await client.CapacityAsync());
            await client.WriteAsync((128 << 11) - 1, new byte[512]);
        }

        nodes[(leader + 2) % 3].CliOk("volume", "resize", "-f", "tank/v", "96M");
        // One of them cannot promise so much.
        nodes[1].CliOk("volume", "set", "tank/v", "reservation=auto");
        foreach (int node in new[] { 0, 1 })
            nodes[node].CliFails(1, ["volume", "resize", "tank/v", "500G"], "a reservation of");
        for (int i = 0; i < 3; i++)
            Assert.Equal(
                96L << 20, nodes[i].Json("volume", "status", "tank/v").GetProperty("sizeBytes").GetInt64());
        nodes.AssertEqual();
        foreach (WireClient client in clients) client.Dispose();
    }

    [RequiresFact]
    public void Properties_of_the_volume_are_set_on_all_nodes_or_refused_by_the_one_where_they_do_not_fit()
    {
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        int other = (nodes.LeaderOf() + 1) % 3;
        Assert.Contains(
            "on all replicas", nodes[other].CliOk("volume", "set", "tank/v", "iops-limit=500", "cache=none"));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("500", Of(i, "iops-limit"));
            Assert.Equal(i == other ? "none" : "all", Of(i, "cache"));
        }

        // The secret is on one of them only.
        string secret = Path.Combine(nodes[0].Folder, "secret");
        File.WriteAllText(secret, "a secret of some length");
        nodes[0].CliOk(
            "volume", "set", "tank/v", "chap-user=alice", $"chap-secret-file={secret}", "iops-limit=");
        Assert.Equal("alice", Of(2, "chap-user"));
        nodes[0].CliFails(
            1, ["volume", "set", "tank/v", "chap-user=bob", $"chap-secret-file={secret}.other"], secret);
        nodes[1].CliFails(1, ["volume", "set", "tank/v", "iops-limit=many"], "iops-limit");
        for (int i = 0; i < 3; i++) Assert.Equal("alice", Of(i, "chap-user"));
        nodes[2].CliOk("volume", "set", "tank/v", "chap-user=", "chap-secret-file=", "initiators=iqn.test:x");
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("iqn.test:x", Of(i, "initiators"));
            DaemonFixture node = nodes[i];
            // Who is not among them is turned away on every path.
            NodesFixture.Until("the path is closed", () => Tool.Run(
                "qemu-io", ["-f", "raw", "-c", "read 0 4k", node.Url("tank/v")]).ExitCode != 0);
        }

        string? Of(int node, string name) => nodes[node].Json("volume", "status", "tank/v")
            .GetProperty("properties").TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
    }

    [RequiresFact]
    public async Task Conditional_writes_through_all_nodes_count_up_without_losing_one()
    {
        const int Rounds = 40;
        using NodesFixture nodes = new(output);
        nodes.MakeVolume();
        // Who leads is known to initiators by then.
        await Task.Delay(1000);
        int[] wins = await Task.WhenAll(Enumerable.Range(0, 3).Select(async i =>
        {
            using WireClient client = await LogInAsync(nodes[i], i);
            int won = 0;
            while (won < Rounds)
            {
                byte[] before = (await client.ReadAsync(8, 512)).ToArray();
                byte[] after = [.. before];
                BitConverter.TryWriteBytes(after, BitConverter.ToInt64(before) + 1);
                int status = await client.CompareAndWriteAsync(8, before, after);
                if (status == 0) won++;
            }

            return won;
        }));
        using WireClient reader = await LogInAsync(nodes[0], 9);
        Assert.Equal(wins.Sum(), BitConverter.ToInt64((await reader.ReadAsync(8, 512)).Span));
        nodes.AssertEqual();
    }

    private static Task<WireClient> LogInAsync(DaemonFixture daemon, int number) =>
        WireClient.LogInAsync(daemon.Port, DaemonFixture.TargetName("tank/v"), number);

    // Nobody leads for a moment.
    private static async Task<int> SettledAsync(Func<Task<int>> ask)
    {
        for (int i = 0; i < 100; i++)
        {
            if (await ask() is var status and not (Busy or CheckCondition)) return status;
            await Task.Delay(100);
        }

        return Busy;
    }

    private static void QemuIo(DaemonFixture daemon, params string[] commands)
    {
        List<string> arguments = ["-f", "raw"];
        foreach (string command in commands) arguments.AddRange(["-c", command]);
        ToolResult result = Tool.Run("qemu-io", [.. arguments, daemon.Url("tank/v")], seconds: 120);
        Assert.True(result.ExitCode == 0 && !result.All.Contains("failed", StringComparison.Ordinal),
            $"qemu-io: {result}");
    }
}
