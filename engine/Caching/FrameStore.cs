using Cstor.Engine.Host;
using Cstor.Engine.Memory;
using Cstor.PoolLayout;

namespace Cstor.Engine.Caching;

/// <summary>
/// The memory of a cache: frames of 4 KiB, of which a block takes as many as it needs, wherever they are.
/// One size for all blocks, so memory that 4 KiB blocks gave up serves blocks of 128 KiB and nothing is ever
/// too scattered to be used. Frames come from the system in chunks of 2 MiB, and go back by the chunk: what
/// the last chunk holds moves to free frames of the others first.
/// </summary>
internal sealed class FrameStore : IDisposable
{
    public const int FrameBytes = 4096;
    public const int FrameShift = 12;
    public const int ChunkFrames = 512;
    public const int ChunkBytes = ChunkFrames * FrameBytes;

    private const int ChunkShift = 9;
    private const int None = -1;

    private readonly IMemory _memory;
    private readonly nint[] _chunks;
    private readonly NativeArray<int> _first;
    private readonly NativeArray<int> _next;
    private readonly NativeArray<int> _owner;
    private int _free = None;

    /// <param name="memory">Where chunks come from.</param>
    /// <param name="maximumChunks">Bound.</param>
    public FrameStore(IMemory memory, int maximumChunks)
    {
        _memory = memory;
        _chunks = new nint[maximumChunks];
        int frames = maximumChunks * ChunkFrames;
        _first = new NativeArray<int>(frames);
        _next = new NativeArray<int>(frames);
        _owner = new NativeArray<int>(frames);
    }

    /// <summary>Memory of tables beside each frame: first, next, owner.</summary>
    public static int TableBytesPerFrame => 3 * sizeof(int);

    public int MaximumChunks => _chunks.Length;

    public int ChunkCount { get; private set; }

    public int FreeFrames { get; private set; }

    public int UsedFrames => (ChunkCount * ChunkFrames) - FreeFrames;

    /// <summary>Takes one more chunk.</summary>
    /// <returns>False at the bound, or when the system gives none.</returns>
    public bool TryGrow()
    {
        if (ChunkCount == _chunks.Length) return false;
        nint chunk = _memory.Take(ChunkBytes);
        if (chunk == 0) return false;
        int first = ChunkCount * ChunkFrames;
        _chunks[ChunkCount++] = chunk;
        for (int frame = first + ChunkFrames - 1; frame >= first; frame--) AddFree(frame);
        return true;
    }

    /// <summary>
    /// Gives the last chunk back. As many frames as it has must be free, whichever they are.
    /// </summary>
    public void Shrink()
    {
        Check.That(ChunkCount > 0 && FreeFrames >= ChunkFrames);
        int chunk = ChunkCount - 1;
        int first = chunk * ChunkFrames;
        KeepFreeBelow(first);
        for (int frame = first; frame < first + ChunkFrames; frame++)
            if (_owner[frame] != None)
                Move(frame, TakeFree());
        _memory.GiveBack(_chunks[chunk], ChunkBytes);
        _chunks[chunk] = 0;
        ChunkCount = chunk;
    }

    /// <summary>Copies a block in. As many frames as it needs must be free.</summary>
    /// <param name="owner">The block's number, for the other methods.</param>
    /// <param name="contents">Whole frames.</param>
    public void Put(int owner, ReadOnlySpan<byte> contents)
    {
        int last = None;
        for (int at = 0; at < contents.Length; at += FrameBytes)
        {
            int frame = TakeFree();
            contents.Slice(at, FrameBytes).CopyTo(Span(frame));
            _owner[frame] = owner;
            _next[frame] = None;
            if (last == None) _first[owner] = frame;
            else _next[last] = frame;
            last = frame;
        }
    }

    /// <summary>Copies a block out.</summary>
    public void Get(int owner, Span<byte> into)
    {
        int frame = _first[owner];
        for (int at = 0; at < into.Length; at += FrameBytes)
        {
            Span(frame).CopyTo(into.Slice(at, FrameBytes));
            frame = _next[frame];
        }
    }

    /// <summary>A part of a block that lies within one frame; valid until the next change.</summary>
    public ReadOnlySpan<byte> Part(int owner, int offsetBytes, int lengthBytes)
    {
        int frame = _first[owner];
        for (; offsetBytes >= FrameBytes; offsetBytes -= FrameBytes) frame = _next[frame];
        return Span(frame).Slice(offsetBytes, lengthBytes);
    }

    /// <summary>Frees a block's frames.</summary>
    public void Remove(int owner)
    {
        for (int frame = _first[owner]; frame != None;)
        {
            int next = _next[frame];
            AddFree(frame);
            frame = next;
        }
    }

    public void Dispose()
    {
        for (int chunk = 0; chunk < ChunkCount; chunk++) _memory.GiveBack(_chunks[chunk], ChunkBytes);
        ChunkCount = 0;
        FreeFrames = 0;
        _first.Dispose();
        _next.Dispose();
        _owner.Dispose();
    }

    private unsafe Span<byte> Span(int frame)
    {
        nint address = _chunks[frame >> ChunkShift] + ((nint)(frame & (ChunkFrames - 1)) << FrameShift);
        return new Span<byte>((void*)address, FrameBytes);
    }

    private void AddFree(int frame)
    {
        _owner[frame] = None;
        _next[frame] = _free;
        _free = frame;
        FreeFrames++;
    }

    private int TakeFree()
    {
        int frame = _free;
        Check.That(frame != None);
        _free = _next[frame];
        FreeFrames--;
        return frame;
    }

    private void KeepFreeBelow(int end)
    {
        int frame = _free;
        _free = None;
        FreeFrames = 0;
        while (frame != None)
        {
            int next = _next[frame];
            if (frame < end) AddFree(frame);
            frame = next;
        }
    }

    private void Move(int from, int to)
    {
        int owner = _owner[from];
        Span(from).CopyTo(Span(to));
        _owner[to] = owner;
        _next[to] = _next[from];
        if (_first[owner] == from)
        {
            _first[owner] = to;
            return;
        }

        int before = _first[owner];
        while (_next[before] != from) before = _next[before];
        _next[before] = to;
    }
}
