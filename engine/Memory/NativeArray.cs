using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Memory;

/// <summary>
/// A zeroed array outside the managed heap, so that millions of entries cost the collector nothing.
/// </summary>
internal sealed unsafe class NativeArray<T> : IDisposable
    where T : unmanaged
{
    private T* _items;

    public NativeArray(long length)
    {
        Check.That(length > 0);
        Length = length;
        _items = (T*)NativeMemory.AllocZeroed((nuint)length, (nuint)sizeof(T));
    }

    public long Length { get; }

    public ref T this[long index]
    {
        get
        {
            Check.That((ulong)index < (ulong)Length);
            return ref _items[index];
        }
    }

    /// <summary>A part as a span.</summary>
    public Span<T> Span(long start, int length)
    {
        Check.That(start >= 0 && length >= 0 && start + length <= Length);
        return new Span<T>(_items + start, length);
    }

    public void Dispose()
    {
        NativeMemory.Free(_items);
        _items = null;
    }
}
