// One life of a pool whose versions are changed at random. The model goes one step ahead for each change, and
// a change of several blocks is as many steps; a crash may leave any state from the last durable one on.
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Versions;

internal sealed class VersionSession(
    SimulatedLoop loop, Pool pool, SimulatedRandom random, VersionHistory history, Action<string> note)
{
    private const int MostVolumes = 5;
    private const int MostSnapshots = 12;

    private static readonly long[] Sizes = [40, 300, 66_000, 262_144];

    public async ValueTask ActAsync()
    {
        ModelState now = history.Now;
        string[] volumes = [.. now.Volumes];
        string[] snapshots = [.. now.Snapshots];
        if (volumes.Length == 0)
        {
            await CreateAsync();
            return;
        }

        string volume = volumes[random.Below(volumes.Length)];
        string? snapshot = snapshots.Length == 0 ? null : snapshots[random.Below(snapshots.Length)];
        switch (random.Below(30))
        {
            case < 12: await WriteAsync(volume); break;
            case < 14: await UnmapAsync(volume); break;
            case < 18 when snapshots.Length < MostSnapshots: await SnapshotAsync(volumes); break;
            case 18 when volumes.Length < MostVolumes: await CreateAsync(); break;
            case 19: await ResizeAsync(volume); break;
            case 20: await RenameAsync(random.Coin() && snapshot is not null ? snapshot : volume); break;
            case 21 or 22 when snapshot is not null && volumes.Length < MostVolumes:
                await CloneAsync(snapshot);
                break;
            case 23: await PromoteAsync(volume); break;
            case 24 when snapshot is not null: await RollbackAsync(snapshot); break;
            case 25 or 26 when snapshot is not null: await DestroyAsync(snapshot); break;
            case 27 when random.Chance(0.3): await DestroyAsync(volume); break;
            case 28: await FlushAsync(volume); break;
            default: await CheckpointAsync(); break;
        }
    }

    /// <summary>The pool must be as the model says, or after a crash as it said at some moment.</summary>
    public async ValueTask SettleAsync() => history.Settle(await ReadAllAsync());

    /// <summary>Contents, accounting and the whole-pool check.</summary>
    public async ValueTask VerifyAsync()
    {
        ModelState found = await ReadAllAsync();
        if (found.DifferenceFrom(history.Now) is { } difference) throw new OracleException(difference);
        CheckReport report = await PoolChecker.CheckAsync(pool);
        if (!report.IsClean) throw new OracleException($"{report}\n{Describe()}");
        await VerifySpaceAsync();
    }

    /// <summary>Waits until nothing is left of what was destroyed.</summary>
    public async ValueTask DrainAsync()
    {
        for (int i = 0; i < 200 && IsDestroying; i++) await CheckpointAsync();
        Assert(!IsDestroying, "still destroying");
    }

    private bool IsDestroying => pool.Core.Slots.Any(static one => one is { Record.IsDestroying: true });

    private string Describe() => string.Join('\n', pool.Core.Slots.OfType<Dataset>().Select(
        static one => $"{one.Slot}: {one.Name} {one.Record.State} epoch {one.Record.SnapshotEpoch} "
            + $"behind {one.Previous?.Slot} erased {one.Record.ErasedBlocks} "
            + $"dropped {one.Record.DroppedSectors} {one.Tree.Durable}"));

    private async ValueTask CreateAsync()
    {
        string name = history.NewName("v");
        int shift = 12 + random.Below(3);
        long blocks = Sizes[random.Below(Sizes.Length)];
        string compression = random.Coin() ? "off" : "lz4";
        note($"create {name} {blocks} of 2^{shift}");
        ModelVersion version =
            new(history.NewId(), 0, shift, blocks, ImmutableSortedDictionary<long, ulong>.Empty);
        history.Step(state => state.Create(name, version));
        Done((await pool.CreateVolumeAsync(
            name, blocks << shift, 1 << shift, [new("compression", compression)])).Fault);
    }

    private async ValueTask WriteAsync(string name)
    {
        ModelVersion version = history.Now.Versions[name];
        (long first, int count) = DrawRun(version, 8);
        int bytes = 1 << version.BlockShift;
        bool isCompressible = random.Coin();
        bool isDurable = random.Chance(0.2);
        note($"write {name} {first} +{count}{(isDurable ? " durable" : "")}");
        IoBuffer buffer = loop.Buffers.Rent(count * bytes);
        for (int i = 0; i < count; i++)
        {
            ulong stamp = random.Chance(0.1) ? 0 : history.NewStamp(isCompressible);
            Fill(buffer.Span.Slice(i * bytes, bytes), stamp);
            long block = first + i;
            history.Step(state => state.Write(name, block, stamp));
        }

        IoStatus status = await pool.FindVolume(name)!.WriteAsync(
            first << version.BlockShift, buffer.First(count * bytes), isDurable);
        buffer.Release();
        Assert(status == IoStatus.Ok, $"write gave {status}");
        if (isDurable) history.Durable();
    }

    private async ValueTask UnmapAsync(string name)
    {
        ModelVersion version = history.Now.Versions[name];
        (long first, int count) = DrawRun(version, 200);
        long length = random.Chance(0.1) ? version.BlockCount - first : count;
        note($"unmap {name} {first} +{length}");
        history.Step(state => state.Unmap(name, first, length));
        IoStatus status = await pool.FindVolume(name)!.UnmapAsync(
            first << version.BlockShift, length << version.BlockShift);
        Assert(status == IoStatus.Ok, $"unmap gave {status}");
    }

    private async ValueTask SnapshotAsync(string[] volumes)
    {
        List<string> chosen = [volumes[random.Below(volumes.Length)]];
        if (random.Chance(0.3)) chosen = [.. volumes];
        string name = history.NewName("s");
        note($"snapshot {name} of {string.Join(' ', chosen)}");
        int firstId = history.NewId(chosen.Count);
        history.Step(state => state.Snapshot(chosen, name, firstId));
        Done((await pool.SnapshotAsync(chosen, name)).Fault);
    }

    private async ValueTask CloneAsync(string snapshot)
    {
        string name = history.NewName("c");
        note($"clone {snapshot} {name}");
        int id = history.NewId();
        history.Step(state => state.Clone(snapshot, name, id));
        (string volume, string shortName) = Split(snapshot);
        Done((await pool.CloneAsync(volume, shortName, name, [])).Fault);
    }

    private async ValueTask PromoteAsync(string volume)
    {
        bool isClone = history.Now.OriginOf(volume) is not null;
        note($"promote {volume}");
        if (isClone) history.Step(state => state.Promote(volume));
        Fault? fault = (await pool.PromoteAsync(volume)).Fault;
        if (isClone) Done(fault);
        else Refused(fault, "not-a-clone");
    }

    private async ValueTask RollbackAsync(string snapshot)
    {
        ModelState now = history.Now;
        string[] newer = now.NewerThan(snapshot);
        bool isForced = random.Coin();
        note($"rollback {snapshot}{(isForced ? " -r" : "")}");
        string? code = newer.Length > 0 && !isForced ? "not-newest"
            : newer.Any(now.HasClones) ? "snapshot-has-clones" : null;
        if (code is null) history.Step(state => state.Rollback(snapshot));
        (string volume, string shortName) = Split(snapshot);
        Fault? fault = (await pool.RollbackAsync(volume, shortName, isForced)).Fault;
        if (code is null) Done(fault);
        else Refused(fault, code);
    }

    private async ValueTask DestroyAsync(string name)
    {
        ModelState now = history.Now;
        note($"destroy {name}");
        bool isSnapshot = ModelState.IsSnapshot(name);
        bool isKept = isSnapshot ? now.HasClones(name) : now.SnapshotsOf(name).Any(now.HasClones);
        if (!isKept) history.Step(state => state.Destroy(name));
        (string volume, string shortName) = Split(name);
        Fault? fault = isSnapshot
            ? (await pool.DestroySnapshotAsync(volume, shortName)).Fault
            : (await pool.DestroyVolumeAsync(name, withSnapshots: true)).Fault;
        if (isKept) Refused(fault, "snapshot-has-clones");
        else Done(fault);
    }

    private async ValueTask ResizeAsync(string name)
    {
        long blocks = Sizes[random.Below(Sizes.Length)];
        note($"resize {name} to {blocks}");
        int shift = history.Now.Versions[name].BlockShift;
        // Cut off in between, the end may be zeroed while the size is still the old one.
        history.Step(state => state.Unmap(name, blocks, long.MaxValue - blocks));
        history.Step(state => state.Resize(name, blocks));
        Done((await pool.ResizeVolumeAsync(name, blocks << shift)).Fault);
    }

    private async ValueTask RenameAsync(string name)
    {
        (string volume, string shortName) = Split(name);
        string fresh = history.NewName("r");
        bool isSnapshot = ModelState.IsSnapshot(name);
        note($"rename {name} {fresh}");
        history.Step(state => state.Rename(name, isSnapshot ? $"{volume}@{fresh}" : fresh));
        Done(isSnapshot
            ? (await pool.RenameSnapshotAsync(volume, shortName, fresh)).Fault
            : (await pool.RenameVolumeAsync(volume, fresh)).Fault);
    }

    private async ValueTask FlushAsync(string volume)
    {
        note("flush");
        IoStatus status = await pool.FindVolume(volume)!.FlushAsync();
        Assert(status == IoStatus.Ok, $"flush gave {status}");
        history.Durable();
    }

    private async ValueTask CheckpointAsync()
    {
        note("checkpoint");
        IoStatus status = await pool.CheckpointAsync();
        Assert(status == IoStatus.Ok, $"checkpoint gave {status}");
        history.Durable();
    }

    // Around the borders of nodes and of the volume.
    private (long First, int Count) DrawRun(ModelVersion version, int most)
    {
        long[] places = [0, 252, 65_532, version.BlockCount - 12, version.BlockCount / 2];
        long first = Math.Clamp(places[random.Below(places.Length)] + random.Below(10), 0,
            version.BlockCount - 1);
        return (first, (int)Math.Min(random.Between(1, most), version.BlockCount - first));
    }

    private async ValueTask<ModelState> ReadAllAsync()
    {
        // What is read here are the trees.
        await pool.Core.WriteBack.SettleAsync(pool.Volumes);
        SortedDictionary<string, ModelVersion> found = new(StringComparer.Ordinal);
        foreach (Volume volume in pool.Volumes)
            found.Add(volume.ShortName, await ReadAsync(volume, volume.TryFind));
        foreach (Snapshot snapshot in pool.Snapshots)
            found.Add(
                $"{snapshot.Owner.ShortName}@{snapshot.ShortName}",
                await ReadAsync(snapshot, (ulong block, out BlockPointer pointer) =>
                    snapshot.Tree.TryFind(pool.Core.Trees, block, out pointer)));
        return new ModelState(found.ToImmutableSortedDictionary(StringComparer.Ordinal));
    }

    private async ValueTask<ModelVersion> ReadAsync(Dataset dataset, Finder find)
    {
        SortedDictionary<long, ulong> contents = [];
        foreach (long block in history.Places)
        {
            if (block >= (long)dataset.BlockCount) break;
            BlockPointer pointer;
            while (!find((ulong)block, out pointer))
            {
                IoStatus loaded = await pool.Core.Trees.LoadAsync(pointer);
                Assert(loaded == IoStatus.Ok, $"{dataset.Name}: node gave {loaded}");
            }

            if (pointer.IsHole) continue;
            int bytes = dataset.BlockSizeBytes;
            IoBuffer buffer = loop.Buffers.Rent(bytes);
            IoStatus status = await pool.Core.Reader.ReadAsync(pointer, buffer.First(bytes), DamageKind.Data);
            Assert(status == IoStatus.Ok, $"{dataset.Name}: block {block} gave {status}");
            contents.Add(block, StampOf(buffer.Span[..bytes], $"{dataset.Name}: block {block}"));
            buffer.Release();
        }

        return new ModelVersion(0, 0, dataset.BlockShift, (long)dataset.BlockCount,
            contents.ToImmutableSortedDictionary());
    }

    // Sets of places against the engine's arithmetic.
    private async ValueTask VerifySpaceAsync()
    {
        // The check before made everything durable, so trees are complete.
        if (IsDestroying) return;
        Dictionary<Dataset, Dictionary<ulong, int>> places = [];
        foreach (Dataset? dataset in pool.Core.Slots)
        {
            if (dataset is null) continue;
            Dictionary<ulong, int> mine = [];
            await GatherAsync(dataset.Root.Pointer, dataset.Root.Height, mine);
            places.Add(dataset, mine);
        }

        foreach (SnapshotStatus status in await pool.SnapshotStatusAsync(null))
        {
            // One with clones cannot be destroyed alone.
            if (status.Clones.Count > 0) continue;
            Dataset snapshot = places.Keys.Single(one => one.Name == status.Name);
            long unique = places[snapshot]
                .Where(place => !places.Any(
                    other => other.Key != snapshot && other.Value.ContainsKey(place.Key)))
                .Sum(place => place.Value);
            Same(unique, status.UniqueBytes / Layout.SectorBytes ?? -1, $"{status.Name}: unique");
        }

        foreach (Volume volume in pool.Volumes)
        {
            Dictionary<ulong, int> line = [];
            foreach (Dataset dataset in places.Keys.Where(one => one.LineOwner == volume))
                foreach ((ulong place, int sectors) in places[dataset])
                    line[place] = sectors;
            if (VersionChanges.OriginOf(volume) is { } origin)
                foreach (ulong place in places[origin].Keys)
                    line.Remove(place);
            Same(line.Values.Sum(), volume.Status().UsedBytes / Layout.SectorBytes, $"{volume.Name}: used");
            long snapshots =
                line.Where(place => !places[volume].ContainsKey(place.Key)).Sum(place => place.Value);
            long reported = volume.Status().UsedBySnapshotsBytes / Layout.SectorBytes;
            bool isClone = VersionChanges.OriginOf(volume) is not null;
            if (isClone)
                Assert(reported >= snapshots, $"{volume.Name}: {reported} of {snapshots} by snapshots");
            else
                Same(snapshots, reported, $"{volume.Name}: used by snapshots");
        }
    }

    private async ValueTask GatherAsync(BlockPointer pointer, int level, Dictionary<ulong, int> places)
    {
        if (pointer.IsHole) return;
        places[pointer.Place0.Packed] = pointer.AllocatedSectors;
        if (level == 0) return;
        IoBuffer node = loop.Buffers.Rent(Layout.NodeBytes);
        IoStatus status = await pool.Core.Trees.CopyNodeAsync(pointer, node);
        Assert(status == IoStatus.Ok, $"node gave {status}");
        BlockPointer[] children = TreeReader.Entries(node).ToArray();
        node.Release();
        foreach (BlockPointer child in children) await GatherAsync(child, level - 1, places);
    }

    private static void Fill(Span<byte> block, ulong stamp)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(block);
        bool isCompressible = (stamp & 1) != 0;
        for (int i = 0; i < words.Length; i++)
            words[i] = i == 0 || isCompressible || stamp == 0 ? stamp : SimulatedRandom.Mix(stamp, (ulong)i);
    }

    private static ulong StampOf(ReadOnlySpan<byte> block, string where)
    {
        ulong stamp = MemoryMarshal.Read<ulong>(block);
        byte[] expected = new byte[block.Length];
        Fill(expected, stamp);
        Assert(block.SequenceEqual(expected), $"{where} is a mixture");
        return stamp;
    }

    private static (string Volume, string Snapshot) Split(string name)
    {
        string[] parts = name.Split('@');
        return (parts[0], parts.Length > 1 ? parts[1] : "");
    }

    private void Done(Fault? fault)
    {
        Assert(fault is null, $"refused: {fault}");
        history.Durable();
    }

    private static void Refused(Fault? fault, string code) =>
        Assert(fault?.Code == code, $"expected {code}, got {fault?.ToString() ?? "success"}");

    private static void Same(long expected, long actual, string what) =>
        Assert(expected == actual, $"{what}: {actual} sectors, found {expected}");

    private static void Assert(bool condition, string message)
    {
        if (!condition) throw new OracleException(message);
    }

    private delegate bool Finder(ulong block, out BlockPointer pointer);
}
