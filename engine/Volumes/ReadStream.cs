namespace Cstor.Engine.Volumes;

/// <summary>One reader that goes through a volume in order, and the chunks that are ahead of it.</summary>
internal sealed class ReadStream
{
    private const int FirstWindow = 2;
    private const int MaximumWindow = 32;

    // More than the largest window and what is kept behind the reader.
    private const int Slots = 64;

    private readonly AheadChunk?[] _chunks = new AheadChunk?[Slots];
    private ulong _oldest;
    private int _window;

    /// <summary>The first block that the reader has not asked for.</summary>
    public ulong Next { get; private set; }

    /// <summary>Where the next chunk begins.</summary>
    public ulong FetchedEnd { get; private set; }

    /// <summary>Number of the last read that went on with it.</summary>
    public long LastRead { get; private set; }

    /// <summary>Blocks that the reader has asked for and not been given.</summary>
    public int AwaitedBlocks { get; set; }

    public void Begin(ulong next, ulong chunkBlocks, long read)
    {
        _window = FirstWindow;
        Next = next;
        FetchedEnd = next;
        _oldest = next / chunkBlocks;
        LastRead = read;
    }

    /// <summary>Whether a read is part of it: requests of a deep queue come a little out of order.</summary>
    public bool IsNear(ulong first, ulong slack) => first <= Next + slack && first + slack >= Next;

    public void Follow(ulong end, long read)
    {
        Next = Math.Max(Next, end);
        FetchedEnd = Math.Max(FetchedEnd, Next);
        LastRead = read;
    }

    /// <summary>How far to read ahead of the reader now.</summary>
    public int AheadBlocks(int chunkBlocks) => Math.Max(0, (_window * chunkBlocks) - AwaitedBlocks);

    public AheadChunk? ChunkOf(ulong number)
    {
        AheadChunk? chunk = _chunks[number % Slots];
        return chunk is not null && chunk.Number == number ? chunk : null;
    }

    public void Add(ulong number, AheadChunk chunk, ulong end)
    {
        ref AheadChunk? slot = ref _chunks[number % Slots];
        slot?.LetGo();
        slot = chunk;
        chunk.Number = number;
        FetchedEnd = end;
    }

    /// <summary>The reader came before the chunk: from now on, further ahead.</summary>
    public void NoteLate(AheadChunk chunk)
    {
        if (chunk.IsLate) return;
        chunk.IsLate = true;
        _window = Math.Min(_window * 2, MaximumWindow);
    }

    /// <summary>
    /// Lets chunks go that the reader has left behind; the last one may still be asked for.
    /// </summary>
    public void LetGoPassed(ulong chunkBlocks)
    {
        for (; (_oldest + 2) * chunkBlocks <= Next; _oldest++) LetGo(_oldest);
    }

    public void LetGoAll()
    {
        foreach (ref AheadChunk? chunk in _chunks.AsSpan())
        {
            chunk?.LetGo();
            chunk = null;
        }
    }

    private void LetGo(ulong number)
    {
        AheadChunk? chunk = ChunkOf(number);
        if (chunk is null) return;
        _chunks[number % Slots] = null;
        chunk.LetGo();
    }
}
