using Cstor.PoolLayout;

namespace Cstor.Engine.Host;

/// <summary>
/// A pooled, 4 KiB-aligned run of native memory, counted by its holders. Belongs to one loop: not
/// thread-safe. The object itself is pooled too, so renting allocates nothing once the pool is warm.
/// </summary>
public sealed class IoBuffer
{
    private readonly BufferPool _pool;
    private int _holders;

    internal IoBuffer(BufferPool pool, nint address, int capacityBytes, int sizeClass)
    {
        _pool = pool;
        Address = address;
        CapacityBytes = capacityBytes;
        SizeClass = sizeClass;
    }

    /// <summary>First byte, a multiple of 4096.</summary>
    public nint Address { get; }

    /// <summary>Usable bytes, at least what was asked for.</summary>
    public int CapacityBytes { get; }

    internal int SizeClass { get; }

    /// <summary>The whole buffer.</summary>
    public IoSlice Slice => new(Address, CapacityBytes);

    /// <summary>The first <paramref name="lengthBytes"/> bytes.</summary>
    public IoSlice First(int lengthBytes) => Slice.Slice(0, lengthBytes);

    /// <summary>All bytes as a span.</summary>
    public Span<byte> Span => Slice.Span;

    /// <summary>Adds a holder.</summary>
    public void Retain()
    {
        Check.That(_holders > 0);
        _holders++;
    }

    /// <summary>Drops a holder; the last one returns the memory to the pool.</summary>
    public void Release()
    {
        Check.That(_holders > 0);
        if (--_holders == 0) _pool.Return(this);
    }

    internal bool IsOf(BufferPool pool) => _pool == pool;

    internal void Rent()
    {
        Check.That(_holders == 0);
        _holders = 1;
    }
}
