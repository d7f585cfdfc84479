using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Units;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// Volumes with replicas as the administrator sees them. What of a volume's administration concerns all
/// replicas comes through here; the rest goes on to the volumes of this node. Called from any thread.
/// </summary>
internal sealed class ReplicaService(
    LinuxLoop loop, PoolRegistry registry, ReplicaGroups groups, PeerService peers, VolumeService volumes,
    SnapshotService snapshots, ReplicaChanges changes, GroupAdministration administration)
{
    public const string ReplicasProperty = "replicas";
    public const string WitnessProperty = "witness";

    public ReplicaChanges Changes => changes;

    private static readonly TimeSpan StatusPatience = TimeSpan.FromMilliseconds(800);

    /// <summary>Makes a volume, with its replicas on other nodes if it is to have any.</summary>
    public async Task<Outcome<ActionReport>> CreateAsync(CreateVolumeRequest request)
    {
        Dictionary<string, string> properties = new(request.Properties);
        properties.Remove(ReplicasProperty, out string? replicas);
        properties.Remove(WitnessProperty, out string? witness);
        if (replicas is null && witness is null) return await volumes.CreateAsync(request);
        Outcome<GroupConfiguration> group = Configure(request.Pool, replicas ?? "", witness ?? "");
        if (!group.IsOk) return group.Fault;
        if (properties.ContainsKey("readonly"))
        {
            return new Fault(
                "bad-property", "a volume with replicas cannot be read-only", "Leave readonly out");
        }
        if (request.DryRun)
        {
            return PoolTexts.Would(
                $"would create volume {request.Pool}/{request.Volume} of "
                    + $"{ByteSize.Format(request.SizeBytes)} with replicas {replicas}");
        }
        GroupRecord record = new(Guid.NewGuid(), 0, false, group.Value);
        List<string> made = [];
        Fault? fault = null;
        foreach (ReplicaPlace place in group.Value.Places.Where(place => place.Node != peers.NodeName))
        {
            Outcome<PeerReply> reply = await peers.AskAsync(place.Node, new PeerRequest(
                PeerActions.Make, record.Group, place.Pool, request.Volume, request.SizeBytes,
                request.BlockSizeBytes, properties, record.ToString()));
            fault = reply.Fault;
            if (fault is not null) break;
            made.Add(place.Node);
        }
        if (fault is null && group.Value.Witness.Length > 0)
        {
            fault = await MakeWitnessAsync(record);
            if (fault is null) made.Add(group.Value.Witness);
        }
        Outcome<ActionReport> created = fault is null
            ? await volumes.CreateAsync(
                request with { Properties = properties }, record.ToString())
            : fault;
        if (created.IsOk)
        {
            return created.Value with
            {
                Lines = [.. created.Value.Lines, $"  replicas on {string.Join(", ", group.Value.Replicas)}"],
            };
        }
        foreach (string node in made) await DropAsync(node, record.Group);
        return created;
    }

    /// <summary>Destroys a volume on this node, and its replicas on all others.</summary>
    public async Task<Outcome<ActionReport>> DestroyAsync(
        string pool, string volume, DestroyVolumeRequest request)
    {
        (GroupRecord? record, string name) = await RecordOfAsync(pool, volume);
        if (record is null || request.DryRun) return await volumes.DestroyAsync(pool, volume, request);
        string[] others = [.. record.Configuration.Places.Select(static place => place.Node)
            .Append(record.Configuration.Witness)
            .Where(node => node.Length > 0 && node != peers.NodeName)];
        string[] away = await loop.ReadAsync(() => others.Where(node => !groups.IsUp(node)).ToArray());
        if (away.Length > 0 && !request.Force)
        {
            return new Fault(
                "peer-unreachable", $"{name} has replicas on {string.Join(", ", away)}, out of reach now: "
                    + "they would stay there",
                "Bring those nodes back first, or insist with -f");
        }
        Outcome<ActionReport> report = await volumes.DestroyAsync(pool, volume, request);
        if (!report.IsOk) return report;
        List<string> lines = [.. report.Value.Lines];
        foreach (string node in others)
        {
            Fault? left = await DropAsync(node, record.Group);
            lines.Add(left is null ? $"  and its part on {node}" : $"  its part on {node} is left: {left}");
        }
        return report.Value with { Lines = [.. lines] };
    }

    /// <summary>Gives a volume another size: on all replicas, or none.</summary>
    public async Task<Outcome<ActionReport>> ResizeAsync(
        string pool, string volume, ResizeVolumeRequest request)
    {
        (GroupRecord? record, string name) = await RecordOfAsync(pool, volume);
        if (record is null) return await volumes.ResizeAsync(pool, volume, request);
        PeerRequest check = new(PeerActions.CheckSize, record.Group, SizeBytes: request.SizeBytes);
        if (await FindRefusalAsync(record, check) is { } unfit) return unfit;
        long before = await loop.ReadAsync(() => groups.Find(record.Group)?.Served.SizeBytes ?? 0);
        Fault? refused = await administration.ChangeAsync(check with
        {
            Action = PeerActions.Resize,
            Force = request.Force,
        });
        if (refused is not null) return refused;
        return PoolTexts.Done(
            $"volume {name} resized from {ByteSize.Format(before)} to "
                + $"{ByteSize.Format(request.SizeBytes)} on all replicas");
    }

    /// <summary>Sets properties: those that are of the volume on all replicas, or on none.</summary>
    public async Task<Outcome<ActionReport>> SetPropertiesAsync(
        string pool, string volume, SetPropertiesRequest request)
    {
        if (request.Properties.TryGetValue(WitnessProperty, out string? witness))
        {
            return request.Properties.Count == 1
                ? await changes.SetWitnessAsync(pool, volume, witness)
                : new Fault("bad-property", "witness is set alone", "Set the others by another command");
        }
        (GroupRecord? record, string name) = await RecordOfAsync(pool, volume);
        if (record is null) return await volumes.SetPropertiesAsync(pool, volume, request);
        if (request.Properties.ContainsKey(PropertyRules.ReadOnly))
        {
            return (await RefusalAsync(pool, volume, "made read-only"))!;
        }
        Dictionary<string, string> shared = request.Properties
            .Where(static property => PropertyRules.IsShared(property.Key)).ToDictionary();
        Dictionary<string, string> own = request.Properties.Except(shared).ToDictionary();
        PeerRequest check = new(PeerActions.CheckProperties, record.Group, Properties: shared);
        if (shared.Count > 0 && await FindRefusalAsync(record, check) is { } unfit) return unfit;
        List<string> lines = [];
        if (shared.Count > 0)
        {
            // All together, before any of them: those of this node are set last, and must not fail then.
            Outcome<PeerReply> fits = own.Count == 0 ? new PeerReply(null) : await changes.AskNodeAsync(
                peers.NodeName, check with { Properties = request.Properties });
            if (!fits.IsOk) return fits.Fault;
            Fault? refused = await administration.ChangeAsync(check with { Action = PeerActions.Set });
            if (refused is not null) return refused;
            lines.AddRange(shared.Select(
                property => $"{name}: {VolumeService.Text(property)}, on all replicas"));
            if (own.Count == 0) return new ActionReport(false, [.. lines]);
        }
        Outcome<ActionReport> here =
            await volumes.SetPropertiesAsync(pool, volume, new SetPropertiesRequest(own));
        if (!here.IsOk)
        {
            return shared.Count == 0 ? here : here.Fault with
            {
                Message = $"{string.Join(", ", shared.Keys)} changed on all replicas; "
                    + $"of this node nothing: {here.Fault.Message}",
            };
        }
        lines.AddRange(here.Value.Lines.Select(static line => $"{line}, on this node"));
        return new ActionReport(false, [.. lines]);
    }

    /// <summary>Asks every replica that can be reached whether it can take a change.</summary>
    private async Task<Fault?> FindRefusalAsync(GroupRecord record, PeerRequest check)
    {
        foreach (ReplicaPlace place in record.Configuration.Places)
        {
            // One that is away is given it when it catches up, or waits until it fits.
            Outcome<PeerReply> fits = await changes.AskNodeAsync(place.Node, check);
            if (!fits.IsOk && fits.Fault.Code != "peer-unreachable") return fits.Fault;
        }
        return null;
    }

    /// <summary>Takes snapshots: of replicated volumes on all replicas.</summary>
    public async Task<Outcome<ActionReport>> SnapshotAsync(CreateSnapshotsRequest request)
    {
        List<GroupRecord> records = [];
        foreach (string volume in request.Volumes)
        {
            (GroupRecord? record, _) = await RecordOfAsync(request.Pool, volume);
            if (record is not null) records.Add(record);
        }
        if (records.Count == 0 || request.DryRun) return await snapshots.CreateAsync(request);
        if (request.Volumes.Length > 1)
        {
            return new Fault(
                "bad-request", "several volumes at one instant cannot be replicated ones",
                "Take their snapshots one by one");
        }
        if (SnapshotNames.Check(request.Snapshot) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        string name = $"{request.Pool}/{request.Volumes[0]}@{request.Snapshot}";
        bool isThere = await loop.ReadAsync(() => registry.FindSnapshot(
            request.Pool, request.Volumes[0], request.Snapshot, out _, out _) is null);
        if (isThere) return new Fault("snapshot-exists", $"{name} exists already", "Choose another name");
        PeerRequest take = new(PeerActions.Snapshot, records[0].Group, Volume: request.Snapshot);
        return await administration.ChangeAsync(take) is { } fault
            ? fault
            : PoolTexts.Done($"snapshot {name} taken on all replicas");
    }

    /// <summary>Destroys snapshots: of replicated volumes those of the same names on all nodes.</summary>
    public async Task<Outcome<ActionReport>> DestroySnapshotsAsync(
        string pool, string volume, DestroySnapshotsRequest request)
    {
        (GroupRecord? record, _) = await RecordOfAsync(pool, volume);
        string[] before = await SnapshotsOfAsync(pool, volume);
        Outcome<ActionReport> report = await snapshots.DestroyAsync(pool, volume, request);
        if (record is null || request.DryRun || !report.IsOk) return report;
        string[] gone = [.. before.Except(await SnapshotsOfAsync(pool, volume))];
        List<string> lines = [.. report.Value.Lines];
        foreach (string node in record.Configuration.Replicas.Where(node => node != peers.NodeName))
        {
            foreach (string snapshot in gone)
            {
                Outcome<PeerReply> there = await peers.AskAsync(
                    node, new PeerRequest(PeerActions.DestroySnapshot, record.Group, Volume: snapshot));
                if (there.IsOk || there.Fault.Code == "no-such-snapshot") continue;
                lines.Add($"  {snapshot} is left on {node}: {there.Fault.Message}");
            }
        }
        return report.Value with { Lines = [.. lines] };
    }

    /// <summary>Why something that concerns all replicas cannot be done to one, or null.</summary>
    public async Task<Fault?> RefusalAsync(string pool, string volume, string what)
    {
        (GroupRecord? record, string name) = await RecordOfAsync(pool, volume);
        return record is null ? null : new Fault(
            "volume-replicated", $"{name} has replicas on other nodes: it cannot be {what}",
            $"See where: cstor replica list {name}");
    }

    /// <summary>Adds to a volume how its replicas stand.</summary>
    public async Task<Outcome<VolumeView>> WithReplicasAsync(Outcome<VolumeView> volume)
    {
        if (!volume.IsOk) return volume;
        Names.Split(volume.Value.Name, out string pool, out string name);
        Outcome<ReplicationView> view = await StatusAsync(pool, name);
        return view.IsOk ? volume.Value with { Replication = view.Value } : volume;
    }

    /// <summary>How the replicas of a volume stand, as their leader says if it can be asked.</summary>
    public async Task<Outcome<ReplicationView>> StatusAsync(string pool, string volume)
    {
        (GroupRecord? record, string name) = await RecordOfAsync(pool, volume);
        if (record is null) return GroupTexts.NotReplicated(name);
        ReplicationView? own = await loop.ReadAsync(
            () => groups.Find(record.Group) is { } group ? GroupTexts.Describe(group) : null);
        if (own is null) return GroupTexts.NoLeader(name);
        if (own.Leader.Length == 0 || own.Leader == peers.NodeName) return own;
        Outcome<PeerReply> reply = await peers.AskAsync(
            own.Leader, new PeerRequest(PeerActions.Status, record.Group), StatusPatience);
        return reply.IsOk && reply.Value.Replication is { } theirs ? theirs : own;
    }

    /// <summary>Which volume has a replica or a witness on a node, or null. On the loop.</summary>
    public string? FindUse(string node) => groups.All
        .Where(group => group.Member.Record.Configuration.Witness == node
            || group.Member.Record.Configuration.Places.Any(place => place.Node == node))
        .Select(static group => group.Volume.Name)
        .FirstOrDefault();

    private async Task<(GroupRecord? Record, string Name)> RecordOfAsync(string pool, string volume) =>
        await loop.ReadAsync(() =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is not null)
                return (null, $"{pool}/{volume}");
            GroupRecord? record = groups.Find(found)?.Member.Record
                ?? GroupRecord.Parse(open.ReplicaOf(found).State);
            return (record, found.Name);
        });

    private Task<string[]> SnapshotsOfAsync(string pool, string volume) => loop.ReadAsync(
        () => registry.FindVolume(pool, volume, out Pool open, out Volume found) is null
            ? open.SnapshotsOf(found).Select(static snapshot => snapshot.ShortName).ToArray()
            : []);

    private Outcome<GroupConfiguration> Configure(string pool, string replicas, string witness)
    {
        List<ReplicaPlace> places = [];
        foreach (string text in replicas.Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (NodeNames.SplitPlace(text, out string node, out string poolThere) is { } wrong)
            {
                return new Fault("bad-property", $"replicas: {wrong}", "Correct the value");
            }
            places.Add(new ReplicaPlace(node, poolThere, (ushort)(places.Count + 1)));
        }
        if (peers.NodeName.Length == 0)
        {
            return new Fault(
                "no-peers", "this daemon has no peers to hold replicas",
                "Start it with --peer ADDR:PORT and --peer-key-file FILE");
        }
        if (!places.Exists(place => place.Node == peers.NodeName && place.Pool == pool))
        {
            return new Fault(
                "bad-property", $"replicas: this node's own, {peers.NodeName}/{pool}, is not among them",
                "Add it, or make the volume on a node that has one");
        }
        GroupConfiguration made = new(0, 1, places, witness, [.. places.Select(static place => place.Node)]);
        return made.Validate() is { } reason
            ? new Fault("bad-property", $"replicas: {reason}", "Correct the value")
            : made;
    }

    private async Task<Fault?> MakeWitnessAsync(GroupRecord record)
    {
        Outcome<PeerReply> reply = await peers.AskAsync(
            record.Configuration.Witness,
            new PeerRequest(PeerActions.Witness, record.Group, Record: record.ToString()));
        return reply.Fault;
    }

    private async Task<Fault?> DropAsync(string node, Guid group)
    {
        Outcome<PeerReply> reply = await peers.AskAsync(node, new PeerRequest(PeerActions.Drop, group));
        return reply.Fault;
    }
}
