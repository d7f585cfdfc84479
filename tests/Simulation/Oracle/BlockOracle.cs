// What may be read now, for every block of one volume.
//
// A block has a list of versions, oldest first. The first is the newest that is known to be durable; each
// request adds one. While the volume is up a read returns the newest version acknowledged before it began, or
// a later one that is under way or has failed. A crash leaves any one version from the newest durable on: an
// acknowledged and flushed write must be there, an unflushed or unacknowledged one may be old or new, and
// never a mixture of two, nor another block's content, nor something older. What is read after a crash then
// stays: the list collapses to it. Requests under way at once must not share a block (the caller's lock),
// which makes the versions a list.
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation.Oracle;

internal sealed class BlockOracle
{
    private const int SectorBytes = SectorStamp.SectorBytes;

    private readonly OracleHistory _history;
    private readonly List<List<BlockVersion>> _blocks = [];
    private long _flushedTo;
    private bool _isAfterCrash;
    private int _readsUnderWay;
    private int _life;
    private (long At, string What) _firstLost = (long.MaxValue, string.Empty);
    private (long At, string What) _lastSurvivor = (0, string.Empty);

    /// <param name="history">Shared by the volumes of one pool.</param>
    /// <param name="volume">A number that no other volume ever had.</param>
    /// <param name="blockBytes">What is never mixed.</param>
    /// <param name="sizeBytes">A multiple of the block; all of it reads as zeroes.</param>
    public BlockOracle(OracleHistory history, uint volume, int blockBytes, long sizeBytes)
    {
        _history = history;
        Volume = volume;
        BlockBytes = blockBytes;
        Resize(sizeBytes);
    }

    private BlockOracle(BlockOracle other, OracleHistory history)
    {
        _history = history;
        Volume = other.Volume;
        BlockBytes = other.BlockBytes;
        _flushedTo = other._flushedTo;
        _isAfterCrash = other._isAfterCrash;
        foreach (List<BlockVersion> versions in other._blocks)
            _blocks.Add(versions.ConvertAll(version => version.Clone()));
    }

    public uint Volume { get; }

    public int BlockBytes { get; }

    public long SizeBytes => (long)_blocks.Count * BlockBytes;

    private int SectorsPerBlock => BlockBytes / SectorBytes;

    /// <summary>A copy that goes on by itself, for instance into a crash.</summary>
    public BlockOracle Clone(OracleHistory history) => new(this, history);

    /// <summary>The volume has another size; new blocks are zeroes, durably.</summary>
    public void Resize(long sizeBytes)
    {
        Check.That(sizeBytes % BlockBytes == 0);
        int count = (int)(sizeBytes / BlockBytes);
        if (count < _blocks.Count) _blocks.RemoveRange(count, _blocks.Count - count);
        while (_blocks.Count < count)
            _blocks.Add([new BlockVersion(new ulong[SectorsPerBlock], 0) { IsDurable = true }]);
    }

    /// <summary>
    /// Whether a failed request left it open which version the block has: only a whole write settles it.
    /// </summary>
    public bool IsOpen(long block) =>
        _blocks[(int)block][^1].CompletedAt == 0 && !_blocks[(int)block][^1].IsDurable;

    /// <summary>Fills the payload of a write and notes it as under way.</summary>
    public OracleRequest BeginWrite(long offsetBytes, Span<byte> payload)
    {
        OracleRequest request = Begin(offsetBytes, payload.Length, isUnmap: false);
        for (int at = 0; at < payload.Length; at += SectorBytes)
        {
            (long block, int index) = PlaceOf(offsetBytes + at);
            BlockVersion version = request.Versions[(int)(block - request.FirstBlock)];
            SectorStamp.Fill(payload.Slice(at, SectorBytes), Volume, block, index, version.Stamps[index]);
        }

        return request;
    }

    /// <summary>Notes an unmap as under way.</summary>
    public OracleRequest BeginUnmap(long offsetBytes, long lengthBytes) =>
        Begin(offsetBytes, lengthBytes, isUnmap: true);

    /// <summary>The request was acknowledged.</summary>
    public void End(OracleRequest request, bool isDurable)
    {
        long now = _history.Tick();
        foreach (BlockVersion version in request.Versions)
        {
            version.CompletedAt = now;
            version.IsDurable |= isDurable;
        }

        for (int i = 0; i < request.Versions.Count; i++) Trim(_blocks[(int)request.FirstBlock + i]);
    }

    /// <summary>To be called when a flush is issued; its value goes to <see cref="EndFlush"/>.</summary>
    public long BeginFlush() => _history.Tick();

    /// <summary>
    /// The flush was acknowledged: whatever was acknowledged before it was issued is durable.
    /// </summary>
    public void EndFlush(long mark)
    {
        _flushedTo = Math.Max(_flushedTo, mark);
        foreach (List<BlockVersion> versions in _blocks) Trim(versions);
    }

    /// <summary>To be called when a read is issued; each is ended once.</summary>
    public OracleRead BeginRead(long offsetBytes, int lengthBytes)
    {
        _readsUnderWay++;
        long first = offsetBytes / BlockBytes;
        long last = (offsetBytes + lengthBytes - 1) / BlockBytes;
        BlockVersion[] oldest = new BlockVersion[last - first + 1];
        for (int i = 0; i < oldest.Length; i++)
        {
            List<BlockVersion> versions = _blocks[(int)first + i];
            oldest[i] = _isAfterCrash
                ? versions[0]
                : versions.FindLast(version => version.CompletedAt > 0) ?? versions[0];
        }

        return new OracleRead(offsetBytes, oldest, _life);
    }

    /// <summary>A read ended without data.</summary>
    public void FailRead(OracleRead read)
    {
        if (read.Life == _life) _readsUnderWay--;
    }

    /// <summary>Checks what was read.</summary>
    /// <exception cref="OracleException">It may not be read now.</exception>
    public void EndRead(OracleRead read, ReadOnlySpan<byte> payload)
    {
        if (read.Life != _life) return;
        _readsUnderWay--;
        long first = read.OffsetBytes / BlockBytes;
        for (int at = 0; at < payload.Length;)
        {
            (long block, int index) = PlaceOf(read.OffsetBytes + at);
            int count = Math.Min(SectorsPerBlock - index, (payload.Length - at) / SectorBytes);
            Match(block, index, payload.Slice(at, count * SectorBytes), read.Oldest[block - first]);
            at += count * SectorBytes;
        }
    }

    /// <summary>The pool lost power: each block may now be any version from the newest durable on.</summary>
    public void Crash()
    {
        _life++;
        _readsUnderWay = 0;
        foreach (List<BlockVersion> versions in _blocks) Trim(versions);
        _isAfterCrash = true;
    }

    /// <summary>Checks a whole block after a crash; what was read is what it stays.</summary>
    /// <exception cref="OracleException">It may not be read now.</exception>
    public void Settle(long block, ReadOnlySpan<byte> payload)
    {
        Check.That(payload.Length == BlockBytes);
        List<BlockVersion> versions = _blocks[(int)block];
        int found = Match(block, 0, payload, versions[0]);
        foreach (BlockVersion lost in versions.Skip(found + 1))
        {
            if (lost.CompletedAt > 0 && lost.CompletedAt < _firstLost.At)
                _firstLost = (lost.CompletedAt, $"volume {Volume} block {block}: {lost}");
        }

        // Versions may be equal, as of zeroes over zeroes: the oldest of them is enough to explain what is
        // there.
        BlockVersion survivor = versions.First(v => v.Stamps.AsSpan().SequenceEqual(versions[found].Stamps));
        if (survivor.SubmittedAt > _lastSurvivor.At)
            _lastSurvivor = (survivor.SubmittedAt, $"volume {Volume} block {block} {survivor}");
        versions[found].IsDurable = true;
        versions.RemoveRange(found + 1, versions.Count - found - 1);
        versions.RemoveRange(0, found);
    }

    /// <summary>Every block was settled: from here on reads are checked as before the crash.</summary>
    public void EndOfCrash()
    {
        _isAfterCrash = false;
        _firstLost = (long.MaxValue, string.Empty);
        _lastSurvivor = (0, string.Empty);
    }

    /// <summary>The acknowledged write that the crash took, first acknowledged.</summary>
    public (long At, string What) FirstLost() => _firstLost;

    /// <summary>The write that survived the crash, last issued.</summary>
    public (long At, string What) LastSurvivor() => _lastSurvivor;

    private OracleRequest Begin(long offsetBytes, long lengthBytes, bool isUnmap)
    {
        Check.That(offsetBytes % SectorBytes == 0 && lengthBytes % SectorBytes == 0 && lengthBytes > 0);
        Check.That(offsetBytes + lengthBytes <= SizeBytes);
        long now = _history.Tick();
        long first = offsetBytes / BlockBytes;
        long last = (offsetBytes + lengthBytes - 1) / BlockBytes;
        OracleRequest request = new([], first);
        for (long block = first; block <= last; block++)
        {
            List<BlockVersion> versions = _blocks[(int)block];
            ulong[] stamps = [.. versions[^1].Stamps];
            int from = (int)Math.Max(0, (offsetBytes - (block * BlockBytes)) / SectorBytes);
            long end = offsetBytes + lengthBytes - (block * BlockBytes);
            int to = (int)Math.Min(SectorsPerBlock, end / SectorBytes);
            bool isWhole = from == 0 && to == SectorsPerBlock;
            Check.That(isWhole || !IsOpen(block));
            for (int i = from; i < to; i++) stamps[i] = isUnmap ? 0 : (ulong)now;
            BlockVersion version = new(stamps, now);
            versions.Add(version);
            request.Versions.Add(version);
        }

        return request;
    }

    private (long Block, int Index) PlaceOf(long offsetBytes) =>
        (offsetBytes / BlockBytes, (int)(offsetBytes % BlockBytes / SectorBytes));

    private bool IsKnownDurable(BlockVersion version) =>
        version.IsDurable || (version.CompletedAt > 0 && version.CompletedAt <= _flushedTo);

    // Forgets what is older than the newest durable version, unless a read under way may still return it.
    private void Trim(List<BlockVersion> versions)
    {
        if (_readsUnderWay > 0) return;
        int durable = versions.FindLastIndex(IsKnownDurable);
        if (durable <= 0) return;
        versions[durable].IsDurable = true;
        versions.RemoveRange(0, durable);
    }

    // The newest version that the sectors agree with, not older than the given one.
    private int Match(long block, int firstIndex, ReadOnlySpan<byte> payload, BlockVersion oldest)
    {
        List<BlockVersion> versions = _blocks[(int)block];
        ulong[] stamps = new ulong[payload.Length / SectorBytes];
        for (int i = 0; i < stamps.Length; i++)
        {
            ReadOnlySpan<byte> sector = payload.Slice(i * SectorBytes, SectorBytes);
            (stamps[i], string? wrong) = SectorStamp.Read(sector, Volume, block, firstIndex + i);
            if (wrong is not null) throw Wrong(block, $"sector {firstIndex + i} {wrong}", oldest);
        }

        int floor = versions.IndexOf(oldest);
        Check.That(floor >= 0);
        for (int i = versions.Count - 1; i >= floor; i--)
        {
            if (versions[i].Stamps.AsSpan(firstIndex, stamps.Length).SequenceEqual(stamps)) return i;
        }

        string found = string.Join(' ', stamps.Distinct());
        throw Wrong(block, $"sectors from {firstIndex} on are of writes [{found}]", oldest);
    }

    private OracleException Wrong(long block, string what, BlockVersion oldest) => new(
        $"volume {Volume} block {block}{(_isAfterCrash ? " after the crash" : string.Empty)}: {what}; "
        + $"allowed from {oldest} on, flushed to {_flushedTo}:\n  "
        + string.Join("\n  ", _blocks[(int)block]));
}
