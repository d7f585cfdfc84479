using System.Numerics;
using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host;

/// <summary>
/// Size-classed free lists of <see cref="IoBuffer"/> over native memory: powers of two from 4 KiB to 2 MiB.
/// Grows on demand up to <see cref="LimitBytes"/>; what was grown is kept for reuse. One pool per loop, no
/// locks.
/// </summary>
public sealed class BufferPool : IDisposable
{
    /// <summary>Smallest buffer, and the alignment of all.</summary>
    public const int MinimumBytes = 4096;

    /// <summary>Largest buffer.</summary>
    public const int MaximumBytes = 2 * 1024 * 1024;

    private static readonly int ClassCount = BitOperations.Log2(MaximumBytes / MinimumBytes) + 1;

    private readonly Stack<IoBuffer>[] _free = new Stack<IoBuffer>[ClassCount];
    private readonly List<nint> _slabs = [];

    /// <param name="limitBytes">Bound on native memory held by this pool, rented or free.</param>
    public BufferPool(long limitBytes)
    {
        LimitBytes = limitBytes;
        for (int i = 0; i < _free.Length; i++) _free[i] = new Stack<IoBuffer>(64);
    }

    /// <summary>Bound on the memory this pool takes from the system.</summary>
    public long LimitBytes { get; }

    /// <summary>Memory taken from the system so far.</summary>
    public long GrownBytes { get; private set; }

    /// <summary>
    /// Buffers rented and not yet returned: zero when everything has ended, or a buffer leaked.
    /// </summary>
    public long RentedCount { get; private set; }

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
        RentedCount++;
        return buffer;
    }

    /// <summary>As <see cref="TryRent"/>, for callers that bounded their own use beforehand.</summary>
    public IoBuffer Rent(int lengthBytes)
    {
        IoBuffer? buffer = TryRent(lengthBytes);
        Check.That(buffer is not null);
        return buffer;
    }

    internal void Return(IoBuffer buffer)
    {
        RentedCount--;
        _free[buffer.SizeClass].Push(buffer);
    }

    /// <summary>Returns all memory to the system. Nothing may be rented any more.</summary>
    public unsafe void Dispose()
    {
        foreach (nint slab in _slabs) NativeMemory.AlignedFree((void*)slab);
        _slabs.Clear();
        foreach (Stack<IoBuffer> free in _free) free.Clear();
    }

    private static int SizeClassOf(int lengthBytes) =>
        lengthBytes <= MinimumBytes ? 0 : BitOperations.Log2((uint)(lengthBytes - 1) / MinimumBytes) + 1;

    private unsafe bool Grow(int sizeClass)
    {
        int bufferBytes = MinimumBytes << sizeClass;
        int slabBytes = Math.Max(bufferBytes, 256 * 1024);
        if (GrownBytes + slabBytes > LimitBytes) return false;
        nint slab = (nint)NativeMemory.AlignedAlloc((nuint)slabBytes, MinimumBytes);
        _slabs.Add(slab);
        GrownBytes += slabBytes;
        for (int offset = slabBytes - bufferBytes; offset >= 0; offset -= bufferBytes)
            _free[sizeClass].Push(new IoBuffer(this, slab + offset, bufferBytes, sizeClass));
        return true;
    }
}
