using System.Numerics;
using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host;

/// <summary>
/// Size-classed free lists of <see cref="IoBuffer"/> over native memory: powers of two from 4 KiB to 2 MiB.
/// Grows on demand up to <see cref="LimitBytes"/>; what was grown is kept for reuse. One pool per loop, no
/// locks.
/// </summary>
/// <remarks>
/// Beside it stands a reserve for <see cref="Rent"/>: what may not fail (checkpoints, the log, labels) and
/// is bounded by itself finds memory however much requests have taken.
/// </remarks>
public sealed class BufferPool : IDisposable
{
    /// <summary>Smallest buffer, and the alignment of all.</summary>
    public const int MinimumBytes = 4096;

    /// <summary>Largest buffer.</summary>
    public const int MaximumBytes = 2 * 1024 * 1024;

    private const int SlabBytes = 256 * 1024;
    private const long ReserveBytes = 32L * 1024 * 1024;

    private static readonly int ClassCount = BitOperations.Log2(MaximumBytes / MinimumBytes) + 1;

    private readonly Stack<IoBuffer>[] _free = new Stack<IoBuffer>[ClassCount];
    private readonly List<nint> _chunks = [];
    private readonly List<IoBuffer[]> _slabs = [];
    private readonly Action<nint, long>? _onChunk;
    private readonly BufferPool? _reserve;
    private nint _rest;
    private int _restBytes;
    private long _rentedCount;
    private long _stuckBytes;

    /// <param name="limitBytes">Bound on native memory held by this pool, rented or free.</param>
    /// <param name="onChunk">Told of each chunk (address, bytes) before its first use, or null.</param>
    public BufferPool(long limitBytes, Action<nint, long>? onChunk = null)
        : this(limitBytes, onChunk, new BufferPool(ReserveBytes, onChunk, null))
    {
    }

    private BufferPool(long limitBytes, Action<nint, long>? onChunk, BufferPool? reserve)
    {
        LimitBytes = limitBytes;
        _onChunk = onChunk;
        _reserve = reserve;
        for (int i = 0; i < _free.Length; i++) _free[i] = new Stack<IoBuffer>(64);
    }

    /// <summary>Bound on the memory this pool takes from the system.</summary>
    public long LimitBytes { get; }

    /// <summary>Memory taken from the system so far.</summary>
    public long GrownBytes { get; private set; }

    /// <summary>
    /// Buffers rented and not yet returned: zero when everything has ended, or a buffer leaked.
    /// </summary>
    public long RentedCount => _rentedCount + (_reserve?.RentedCount ?? 0);

    /// <summary>
    /// A buffer of at least the given size, or null when the limit is reached (report
    /// <see cref="IoStatus.NoMemory"/>).
    /// </summary>
    public IoBuffer? TryRent(int lengthBytes)
    {
        Check.That(lengthBytes is > 0 and <= MaximumBytes);
        int sizeClass = SizeClassOf(lengthBytes);
        if (!_free[sizeClass].TryPop(out IoBuffer? buffer))
        {
            if (!Grow(sizeClass)) return null;
            buffer = _free[sizeClass].Pop();
        }

        buffer.Rent();
        _rentedCount++;
        return buffer;
    }

    /// <summary>
    /// As <see cref="TryRent"/>, from the reserve if need be, for callers that bounded their own use
    /// beforehand.
    /// </summary>
    public IoBuffer Rent(int lengthBytes)
    {
        IoBuffer? buffer = TryRent(lengthBytes) ?? _reserve?.TryRent(lengthBytes);
        Check.That(buffer is not null);
        return buffer;
    }

    /// <summary>Memory that only devices which hang still use; the bound is lifted by it.</summary>
    public long StuckBytes => _stuckBytes + (_reserve?.StuckBytes ?? 0);

    /// <summary>
    /// Keeps the buffer that an address lies in until <see cref="LetGo"/>: a device that hangs may use the
    /// memory after its request was answered. What is kept so does not count against the bound, else a
    /// hanging device would leave others no memory. Looks through all slabs: for rare events.
    /// </summary>
    /// <returns>The buffer, or null if the memory is not of this pool.</returns>
    internal IoBuffer? Keep(nint address)
    {
        foreach (IoBuffer[] slab in _slabs)
        {
            // Buffers of a slab are of one size, from its end down.
            long offsetBytes = address - slab[^1].Address;
            long index = offsetBytes / slab[0].CapacityBytes;
            if (offsetBytes < 0 || index >= slab.Length) continue;
            IoBuffer buffer = slab[slab.Length - 1 - (int)index];
            buffer.Retain();
            _stuckBytes += buffer.CapacityBytes;
            return buffer;
        }

        return _reserve?.Keep(address);
    }

    /// <summary>Ends a <see cref="Keep"/>.</summary>
    internal void LetGo(IoBuffer buffer)
    {
        if (_reserve is not null && buffer.IsOf(_reserve))
        {
            _reserve.LetGo(buffer);
            return;
        }

        _stuckBytes -= buffer.CapacityBytes;
        buffer.Release();
    }

    internal void Return(IoBuffer buffer)
    {
        _rentedCount--;
        _free[buffer.SizeClass].Push(buffer);
    }

    /// <summary>Returns all memory to the system. Nothing may be rented any more.</summary>
    public unsafe void Dispose()
    {
        foreach (nint chunk in _chunks) NativeMemory.AlignedFree((void*)chunk);
        _chunks.Clear();
        _slabs.Clear();
        _restBytes = 0;
        foreach (Stack<IoBuffer> free in _free) free.Clear();
        _reserve?.Dispose();
    }

    private static int SizeClassOf(int lengthBytes) =>
        lengthBytes <= MinimumBytes ? 0 : BitOperations.Log2((uint)(lengthBytes - 1) / MinimumBytes) + 1;

    private bool Grow(int sizeClass)
    {
        int bufferBytes = MinimumBytes << sizeClass;
        int slabBytes = Math.Max(bufferBytes, SlabBytes);
        if (GrownBytes + slabBytes > LimitBytes + _stuckBytes) return false;
        AddBuffers(TakeSlab(slabBytes), slabBytes, sizeClass);
        GrownBytes += slabBytes;
        return true;
    }

    private void AddBuffers(nint slab, int slabBytes, int sizeClass)
    {
        int bufferBytes = MinimumBytes << sizeClass;
        IoBuffer[] buffers = new IoBuffer[slabBytes / bufferBytes];
        for (int i = 0; i < buffers.Length; i++)
        {
            int offset = slabBytes - ((i + 1) * bufferBytes);
            buffers[i] = new IoBuffer(this, slab + offset, bufferBytes, sizeClass);
            _free[sizeClass].Push(buffers[i]);
        }

        if (buffers.Length > 0) _slabs.Add(buffers);
    }

    /// <summary>
    /// A slab from the chunk begun last or from a new one. The smaller rest becomes buffers.
    /// </summary>
    private nint TakeSlab(int slabBytes)
    {
        if (slabBytes <= _restBytes)
        {
            nint slab = _rest;
            _rest += slabBytes;
            _restBytes -= slabBytes;
            return slab;
        }

        nint chunk = TakeChunk();
        nint other = chunk + slabBytes;
        int otherBytes = MaximumBytes - slabBytes;
        if (otherBytes > _restBytes)
        {
            (_rest, other) = (other, _rest);
            (_restBytes, otherBytes) = (otherBytes, _restBytes);
        }

        if (GrownBytes + slabBytes + otherBytes <= LimitBytes + _stuckBytes)
        {
            AddBuffers(other, otherBytes, SizeClassOf(SlabBytes));
            GrownBytes += otherBytes;
        }

        return chunk;
    }

    private unsafe nint TakeChunk()
    {
        nint chunk = (nint)NativeMemory.AlignedAlloc(MaximumBytes, MaximumBytes);
        _chunks.Add(chunk);
        _onChunk?.Invoke(chunk, MaximumBytes);
        return chunk;
    }
}
