// Read-ahead of one volume. What it promises: whoever reads in order, one request after the other, does not
// wait for a device each time; whoever does not, pays nothing but a look at a few numbers.
//
// Three reads, each of which begins where the one before ended, begin a stream; several go on side by side.
// (Two adjoin by chance too often: of the last 64 one is hit by 1 in 64 random reads of 16 MiB.) A stream is
// read ahead of its reader in chunks of 128 KiB, up to a window that begins with two of them and doubles
// whenever the reader had to wait for a chunk, up to 4 MiB. What the reader itself has under way counts
// towards the window: with deep queues of its own the device is busy, and reading ahead would only add a
// copy. A stream that is not followed for two seconds is given up with all it has.
//
// Chunks are found by block, and a block in one counts only if the reader finds the same pointer for it: one
// that was overwritten meanwhile is read from where it is now. They live in buffers for I/O, not in the
// cache: a device that hangs keeps its own (see BufferPool.Keep), the chunks of all pools have a bound, and
// what was read ahead for nothing displaces nobody. A block that was asked for goes to the cache as any
// block of a scan does (VolumeReader.Keep).
using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Engine.Volumes;

internal sealed class ReadAhead : IDisposable
{
    private const int StreamCount = 8;
    private const int RecentCount = 64;
    private const long PatienceNanoseconds = 2_000_000_000;

    private readonly Volume _volume;
    private readonly PoolCore _pool;
    private readonly ILoopTimer _timer;
    private readonly ReadStream[] _streams = new ReadStream[StreamCount];
    private readonly Stack<AheadChunk> _freeChunks = [];
    private readonly ulong[] _recent = new ulong[RecentCount];
    private readonly bool[] _isSecond = new bool[RecentCount];
    private int _nextRecent;
    private int _streamCount;
    private long _reads;
    private long _readsAtLastLook;
    private bool _isWatching;

    public ReadAhead(Volume volume, PoolCore pool)
    {
        _volume = volume;
        _pool = pool;
        _timer = pool.Loop.CreateTimer(GiveUpIdle);
        ChunkBlocks = AheadChunk.Bytes >> volume.BlockShift;
        Array.Fill(_recent, ulong.MaxValue);
    }

    /// <summary>Blocks of a chunk, which begins at a multiple of it.</summary>
    public int ChunkBlocks { get; }

    /// <summary>A read begins.</summary>
    /// <returns>The stream that it goes on with, or null: it is none.</returns>
    public ReadStream? Note(ulong first, int count)
    {
        _reads++;
        ulong end = first + (ulong)count;
        for (int i = 0; i < _streamCount; i++)
        {
            if (!_streams[i].IsNear(first, (ulong)(2 * ChunkBlocks))) continue;
            _streams[i].Follow(end, _reads);
            return _streams[i];
        }

        int at = _recent.AsSpan().IndexOf(first);
        if (at < 0 || !_isSecond[at])
        {
            int slot = at < 0 ? _nextRecent : at;
            if (at < 0) _nextRecent = (_nextRecent + 1) % RecentCount;
            _recent[slot] = end;
            _isSecond[slot] = at >= 0;
            return null;
        }

        _recent[at] = ulong.MaxValue;
        ReadStream stream = TakeStream();
        stream.Begin(end, (ulong)ChunkBlocks, _reads);
        if (!_isWatching) Watch();
        return stream;
    }

    /// <summary>Looks for a block that is wanted among what was read ahead.</summary>
    /// <returns>True if it was there, or will come: the plan is then told.</returns>
    public bool TryServe(ReadStream stream, ReadPlan plan, int index)
    {
        ulong block = plan.FirstBlock + (ulong)index;
        AheadChunk? chunk = stream.ChunkOf(block / (ulong)ChunkBlocks);
        if (chunk is null || !chunk.Covers(block)) return false;
        if (chunk.IsUnderWay)
        {
            stream.NoteLate(chunk);
            chunk.AddWaiter(plan, index);
            return true;
        }

        return chunk.TryCopy(plan, index);
    }

    /// <summary>Reads ahead as far as the window says.</summary>
    public void Advance(ReadStream stream)
    {
        stream.LetGoPassed((ulong)ChunkBlocks);
        ulong target = Math.Min(
            stream.Next + (ulong)stream.AheadBlocks(ChunkBlocks), _volume.BlockCount);
        while (stream.FetchedEnd < target)
        {
            ulong number = stream.FetchedEnd / (ulong)ChunkBlocks;
            if (stream.ChunkOf(number) is not null || !_pool.Cache.TryTakeAhead(AheadChunk.Bytes)) return;
            ulong end = Math.Min((number + 1) * (ulong)ChunkBlocks, _volume.BlockCount);
            if (!_freeChunks.TryPop(out AheadChunk? chunk)) chunk = new AheadChunk(this, ChunkBlocks);
            ulong first = stream.FetchedEnd;
            stream.Add(number, chunk, end);
            chunk.Fetch(_volume.Reader, first, (int)(end - first), _volume.BlockShift);
        }
    }

    /// <summary>A block that was read ahead went to the reader.</summary>
    internal void OnUsed(ReadPlan plan, int index, bool wasCheap, bool isFirstUse)
    {
        if (isFirstUse) _pool.Cache.AheadUsed++;
        _volume.Reader.Keep(plan, index, wasCheap);
    }

    internal void OnFetched(int blocks) => _pool.Cache.AheadRead += blocks;

    /// <summary>A chunk is of no more use, and no device has its memory.</summary>
    internal void Recycle(AheadChunk chunk)
    {
        _pool.Cache.ReturnAhead(AheadChunk.Bytes);
        _freeChunks.Push(chunk);
    }

    /// <summary>The volume is closed: nothing is under way.</summary>
    public void Dispose()
    {
        _timer.Stop();
        for (int i = 0; i < _streamCount; i++) _streams[i].LetGoAll();
    }

    private ReadStream TakeStream()
    {
        if (_streamCount < StreamCount) return _streams[_streamCount++] ??= new ReadStream();
        ReadStream oldest = _streams[0];
        foreach (ReadStream stream in _streams)
            if (stream.LastRead < oldest.LastRead)
                oldest = stream;
        oldest.LetGoAll();
        return oldest;
    }

    private void Watch()
    {
        _isWatching = true;
        _readsAtLastLook = _reads;
        _timer.Start(PatienceNanoseconds);
    }

    private void GiveUpIdle()
    {
        _isWatching = false;
        for (int i = _streamCount - 1; i >= 0; i--)
        {
            ReadStream stream = _streams[i];
            if (stream.LastRead > _readsAtLastLook) continue;
            stream.LetGoAll();
            (_streams[i], _streams[_streamCount - 1]) = (_streams[_streamCount - 1], stream);
            _streamCount--;
        }

        if (_streamCount > 0) Watch();
    }
}
