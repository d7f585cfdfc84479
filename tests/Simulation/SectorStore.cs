// The content of a simulated disk, in two layers of 4096-byte sectors: what is durable, and above it every
// version written since. A flush makes the versions durable that had completed when it was begun; others may
// slip in, by chance. A power cut leaves, for each sector by itself, the durable content, any of the later
// versions, or a mixture at 512 bytes: a disk writes its cache back in any order, and may already have
// written an older version.
using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

internal sealed class SectorStore
{
    public const int SectorBytes = 4096;
    private const int TearBytes = 512;

    private readonly Dictionary<long, byte[]> _durable;
    private readonly Dictionary<long, List<SectorVersion>> _cache;
    private readonly ulong? _garbageSeed;

    /// <param name="garbageSeed">A sector never written reads as garbage made from this, or as zeroes without
    /// it.</param>
    public SectorStore(ulong? garbageSeed)
    {
        _durable = [];
        _cache = [];
        _garbageSeed = garbageSeed;
    }

    private SectorStore(SectorStore other)
    {
        _garbageSeed = other._garbageSeed;
        _durable = new Dictionary<long, byte[]>(other._durable);
        _cache = new Dictionary<long, List<SectorVersion>>(other._cache.Count);
        foreach ((long sector, List<SectorVersion> versions) in other._cache)
            _cache.Add(sector, [.. versions]);
    }

    /// <summary>Sectors with a version that is not durable.</summary>
    public int UnflushedSectors => _cache.Count;

    /// <summary>Sectors that hold something.</summary>
    public IEnumerable<long> WrittenSectors => _durable.Keys.Union(_cache.Keys);

    /// <summary>A copy that shares the sectors' arrays.</summary>
    public SectorStore Clone() => new(this);

    /// <summary>What a read sees.</summary>
    public ReadOnlySpan<byte> Read(long sector) =>
        _cache.TryGetValue(sector, out List<SectorVersion>? versions)
            ? versions[^1].Bytes
            : Durable(sector);

    /// <summary>Replaces the content of a sector in every layer, as rot or a test does.</summary>
    public void Overwrite(long sector, byte[] bytes)
    {
        Check.That(bytes.Length == SectorBytes);
        _durable[sector] = bytes;
        if (_cache.TryGetValue(sector, out List<SectorVersion>? versions))
            versions[^1] = new SectorVersion(versions[^1].Write, bytes);
    }

    /// <summary>Puts a write into the cache.</summary>
    public void Apply(DiskWrite write)
    {
        Check.That(!write.IsApplied);
        write.IsApplied = true;
        foreach ((long sector, byte[] bytes) in write.Sectors) Add(sector, write, bytes);
    }

    /// <param name="mark">Writes completed up to this one must become durable; of others it is drawn.</param>
    /// <param name="lotterySeed">For the draw.</param>
    public void Flush(long mark, ulong lotterySeed)
    {
        List<long> clean = [];
        foreach ((long sector, List<SectorVersion> versions) in _cache)
        {
            int last = versions.FindLastIndex(version =>
                (version.Write.CompletedAt > 0 && version.Write.CompletedAt <= mark)
                || (SimulatedRandom.Mix(lotterySeed, (ulong)version.Write.Sequence) & 3) == 0);
            if (last < 0) continue;
            _durable[sector] = versions[last].Bytes;
            versions.RemoveRange(0, last + 1);
            if (versions.Count == 0) clean.Add(sector);
        }

        foreach (long sector in clean) _cache.Remove(sector);
    }

    /// <summary>Leaves what a power cut leaves; the cache is empty afterwards.</summary>
    // underWay: writes submitted and not applied.
    public void LosePower(CrashMode mode, IReadOnlyList<DiskWrite> underWay, SimulatedRandom random)
    {
        if (mode != CrashMode.KeepCompleted)
        {
            foreach (DiskWrite write in underWay)
            {
                foreach ((long sector, byte[] bytes) in write.Sectors) Add(sector, write, bytes);
            }
        }

        long last = 0;
        foreach (List<SectorVersion> versions in _cache.Values)
            last = Math.Max(last, versions[^1].Write.Sequence);
        long cut = last - random.Below(Math.Min(last + 1, 64));
        double keep = random.Below(5) switch { 0 => 0.03, 1 => 0.2, 2 => 0.5, 3 => 0.9, _ => 0.98 };
        double tear = random.Coin() ? 0.1 : 0;
        foreach ((long sector, List<SectorVersion> versions) in _cache)
        {
            byte[]? survivor = mode switch
            {
                CrashMode.DropUnflushed => null,
                CrashMode.KeepEverything or CrashMode.KeepCompleted => versions[^1].Bytes,
                CrashMode.KeepPrefix => versions.FindLast(version => version.Write.Sequence <= cut).Bytes,
                CrashMode.TearUnflushed => Torn(sector, versions, random),
                _ => random.Chance(tear) ? Torn(sector, versions, random)
                    : !random.Chance(keep) ? null
                    : versions[random.Chance(0.8) ? versions.Count - 1 : random.Below(versions.Count)].Bytes,
            };
            if (survivor is not null) _durable[sector] = survivor;
        }

        _cache.Clear();
    }

    /// <summary>
    /// The sectors of a range that hold something: others need not be touched by a discard.
    /// </summary>
    public List<long> WrittenWithin(long first, long count)
    {
        List<long> found = [];
        if (count <= _durable.Count + _cache.Count)
        {
            for (long sector = first; sector < first + count; sector++)
            {
                if (_durable.ContainsKey(sector) || _cache.ContainsKey(sector)) found.Add(sector);
            }
        }
        else
        {
            found.AddRange(WrittenSectors.Where(sector => sector >= first && sector < first + count));
            found.Sort();
        }

        return found;
    }

    private ReadOnlySpan<byte> Durable(long sector)
    {
        if (_durable.TryGetValue(sector, out byte[]? bytes)) return bytes;
        byte[] fresh = new byte[SectorBytes];
        if (_garbageSeed is { } seed)
            new SimulatedRandom(SimulatedRandom.Mix(seed, (ulong)sector)).Fill(fresh);
        return fresh;
    }

    private void Add(long sector, DiskWrite write, byte[] bytes)
    {
        ref List<SectorVersion>? versions =
            ref CollectionsMarshal.GetValueRefOrAddDefault(_cache, sector, out _);
        versions ??= [];
        versions.Add(new SectorVersion(write, bytes));
    }

    private byte[] Torn(long sector, List<SectorVersion> versions, SimulatedRandom random)
    {
        int newer = random.Below(versions.Count);
        ReadOnlySpan<byte> old = newer > 0 && random.Coin() ? versions[newer - 1].Bytes : Durable(sector);
        byte[] torn = [.. versions[newer].Bytes];
        for (int at = 0; at < SectorBytes; at += TearBytes)
        {
            if (random.Coin()) old.Slice(at, TearBytes).CopyTo(torn.AsSpan(at));
        }

        return torn;
    }
}
