using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Target.Iscsi;

/// <summary>
/// What goes out in one send: runs of memory in order, the arena that holds headers, padding, digests and
/// small payloads, and the payload buffers to give back once it is out. Reused; allocates nothing once
/// warm.
/// </summary>
internal sealed class SendBatch(BufferPool pool)
{
    /// <summary>Pieces of one sendmsg stay well below the system's 1024.</summary>
    public const int MaximumPieces = 512;

    /// <summary>A batch closes beyond this, so that sending starts and memory comes back.</summary>
    public const int MaximumBytes = 2 * 1024 * 1024;

    private const int ArenaBytes = 8192;

    private readonly IoSlice[] _pieces = new IoSlice[MaximumPieces];
    private readonly List<IoBuffer> _arenas = [];
    private readonly List<IoBuffer> _payloads = [];
    private int _arenaUsed;
    private int _count;

    public long TotalBytes { get; private set; }

    public bool IsEmpty => _count == 0;

    /// <summary>Room for one more PDU: header, payload, tail.</summary>
    public bool HasRoom => _count + 3 <= MaximumPieces && TotalBytes < MaximumBytes;

    public ReadOnlySpan<IoSlice> Pieces => _pieces.AsSpan(0, _count);

    public IReadOnlyList<IoBuffer> Payloads => _payloads;

    /// <summary>
    /// Room in the arena, joined to the piece before where the two touch. At most the arena's size. Empty
    /// when the pool has no memory left.
    /// </summary>
    public Span<byte> Reserve(int lengthBytes)
    {
        Check.That(lengthBytes is > 0 and <= ArenaBytes);
        if (_arenas.Count == 0 || _arenaUsed + lengthBytes > ArenaBytes)
        {
            IoBuffer? fresh = pool.TryRent(ArenaBytes);
            if (fresh is null) return default;
            _arenas.Add(fresh);
            _arenaUsed = 0;
        }

        IoSlice slice = new(_arenas[^1].Address + _arenaUsed, lengthBytes);
        _arenaUsed += lengthBytes;
        Add(slice);
        return slice.Span;
    }

    /// <summary>A run of somebody's buffer; the buffer named is given back after the send.</summary>
    public void AddPayload(IoSlice slice, IoBuffer? giveBack)
    {
        Add(slice);
        if (giveBack is not null) _payloads.Add(giveBack);
    }

    /// <summary>Everything is out and was given back: ready for reuse, one arena kept.</summary>
    public void Reset()
    {
        for (int i = _arenas.Count - 1; i > 0; i--)
        {
            _arenas[i].Release();
            _arenas.RemoveAt(i);
        }

        _payloads.Clear();
        _arenaUsed = 0;
        _count = 0;
        TotalBytes = 0;
    }

    public void Dispose()
    {
        Reset();
        foreach (IoBuffer arena in _arenas) arena.Release();
        _arenas.Clear();
    }

    private void Add(IoSlice slice)
    {
        TotalBytes += slice.LengthBytes;
        if (_count > 0)
        {
            ref IoSlice last = ref _pieces[_count - 1];
            if (last.Address + last.LengthBytes == slice.Address)
            {
                last = new IoSlice(last.Address, last.LengthBytes + slice.LengthBytes);
                return;
            }
        }

        _pieces[_count++] = slice;
    }
}
