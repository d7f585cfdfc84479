// All versions of a pool at one moment, and what each operation makes of them, in the words of the manual and
// without a thought to how the engine does it.
using System.Collections.Immutable;

namespace Cstor.Tests.Simulation.Versions;

/// <summary>Volumes as <c>a</c>, snapshots as <c>a@x</c>.</summary>
internal sealed class ModelState(ImmutableSortedDictionary<string, ModelVersion> versions)
{
    public static ModelState Empty { get; } =
        new(ImmutableSortedDictionary.Create<string, ModelVersion>(StringComparer.Ordinal));

    public ImmutableSortedDictionary<string, ModelVersion> Versions => versions;

    public IEnumerable<string> Volumes => versions.Keys.Where(name => !IsSnapshot(name));

    public IEnumerable<string> Snapshots => versions.Keys.Where(IsSnapshot);

    public static bool IsSnapshot(string name) => name.Contains('@', StringComparison.Ordinal);

    public static string VolumeOf(string name) => name.Split('@')[0];

    public ModelState Create(string name, ModelVersion version) => new(versions.Add(name, version));

    public ModelState Write(string volume, long block, ulong stamp)
    {
        ModelVersion version = versions[volume];
        ImmutableSortedDictionary<long, ulong> contents = stamp == 0
            ? version.Contents.Remove(block)
            : version.Contents.SetItem(block, stamp);
        return With(volume, version with { Contents = contents });
    }

    public ModelState Unmap(string volume, long first, long count)
    {
        ModelVersion version = versions[volume];
        IEnumerable<long> gone =
            version.Contents.Keys.Where(block => block >= first && block < first + count);
        return With(volume, version with { Contents = version.Contents.RemoveRange(gone.ToArray()) });
    }

    public ModelState Resize(string volume, long blocks)
    {
        ModelState cut = Unmap(volume, blocks, long.MaxValue - blocks);
        return cut.With(volume, cut.Versions[volume] with { BlockCount = blocks });
    }

    public ModelState Snapshot(IReadOnlyList<string> volumes, string name, int firstId)
    {
        ImmutableSortedDictionary<string, ModelVersion> all = versions;
        for (int i = 0; i < volumes.Count; i++)
        {
            ModelVersion version = all[volumes[i]];
            all = all.Add($"{volumes[i]}@{name}", version with { Id = firstId + i })
                .SetItem(volumes[i], version with { Previous = firstId + i });
        }

        return new ModelState(all);
    }

    public ModelState Clone(string snapshot, string name, int id) =>
        new(versions.Add(name, versions[snapshot] with { Id = id, Previous = versions[snapshot].Id }));

    public ModelState Rollback(string snapshot)
    {
        string volume = VolumeOf(snapshot);
        ModelVersion target = versions[snapshot];
        ModelVersion version = versions[volume];
        return new ModelState(versions.RemoveRange(NewerThan(snapshot)).SetItem(
            volume, target with { Id = version.Id, Previous = target.Id }));
    }

    public ModelState Promote(string clone)
    {
        if (OriginOf(clone) is not { } origin) return this;
        string loser = VolumeOf(origin);
        ImmutableSortedDictionary<string, ModelVersion> all = versions;
        for (string? name = origin; name is not null && VolumeOf(name) == loser; name = Before(name))
            all = all.Remove(name).Add(string.Concat(clone, name.AsSpan(loser.Length)), versions[name]);
        return new ModelState(all);
    }

    public ModelState Destroy(string name)
    {
        ModelVersion gone = versions[name];
        ImmutableSortedDictionary<string, ModelVersion> all = versions.Remove(name);
        if (!IsSnapshot(name)) all = all.RemoveRange(SnapshotsOf(name));
        foreach ((string other, ModelVersion version) in all)
            if (version.Previous == gone.Id)
                all = all.SetItem(other, version with { Previous = gone.Previous });
        return new ModelState(all);
    }

    public ModelState Rename(string name, string newName)
    {
        ImmutableSortedDictionary<string, ModelVersion> all = versions;
        string[] names = IsSnapshot(name) ? [name] : [name, .. SnapshotsOf(name)];
        foreach (string old in names)
            all = all.Remove(old).Add(string.Concat(newName, old.AsSpan(name.Length)), versions[old]);
        return new ModelState(all);
    }

    public string[] SnapshotsOf(string volume) =>
        [.. versions.Keys.Where(name => IsSnapshot(name) && VolumeOf(name) == volume)];

    /// <summary>Whether another volume was made of a snapshot.</summary>
    public bool HasClones(string snapshot) => versions.Any(
        other => other.Value.Previous == versions[snapshot].Id && VolumeOf(other.Key) != VolumeOf(snapshot));

    public string? OriginOf(string volume)
    {
        string? name = Before(volume);
        while (name is not null && VolumeOf(name) == volume) name = Before(name);
        return name;
    }

    /// <summary>Snapshots of the same volume that were made after one.</summary>
    public string[] NewerThan(string snapshot)
    {
        List<string> newer = [];
        string volume = VolumeOf(snapshot);
        for (string? name = Before(volume); name is not null && name != snapshot; name = Before(name))
            newer.Add(name);
        return [.. newer];
    }

    /// <summary>What is different, or null if nothing is.</summary>
    public string? DifferenceFrom(ModelState other)
    {
        if (!versions.Keys.SequenceEqual(other.Versions.Keys))
            return $"[{string.Join(' ', versions.Keys)}] "
                + $"instead of [{string.Join(' ', other.Versions.Keys)}]";
        foreach ((string name, ModelVersion mine) in versions)
        {
            ModelVersion its = other.Versions[name];
            if (mine.BlockCount != its.BlockCount)
                return $"{name}: {mine.BlockCount} for {its.BlockCount} blocks";
            foreach (long block in mine.Contents.Keys.Union(its.Contents.Keys))
                if (mine.Contents.GetValueOrDefault(block) != its.Contents.GetValueOrDefault(block))
                    return $"{name}: block {block} has {mine.Contents.GetValueOrDefault(block)} "
                        + $"instead of {its.Contents.GetValueOrDefault(block)}";
        }

        return null;
    }

    private string? Before(string name)
    {
        int previous = versions[name].Previous;
        return previous == 0 ? null : versions.First(other => other.Value.Id == previous).Key;
    }

    private ModelState With(string name, ModelVersion version) => new(versions.SetItem(name, version));
}
