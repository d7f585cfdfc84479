using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Memory;

/// <summary>
/// A list outside the managed heap, for what grows by the thousand: growing it leaves nothing to collect, and
/// <see cref="Clear"/> gives back what was an exception.
/// </summary>
internal sealed unsafe class NativeList<T> : IDisposable
    where T : unmanaged
{
    private const int Least = 256;

    private T* _items;
    private int _capacity;

    public int Count { get; private set; }

    public ref T this[int index]
    {
        get
        {
            Check.That((uint)index < (uint)Count);
            return ref _items[index];
        }
    }

    public ReadOnlySpan<T> Items => new(_items, Count);

    public void Add(in T item)
    {
        if (Count == _capacity) Resize(Math.Max(Least, _capacity * 2));
        _items[Count++] = item;
    }

    public void AddRange(ReadOnlySpan<T> items)
    {
        int wanted = Count + items.Length;
        if (wanted > _capacity) Resize(Math.Max(Least, Math.Max(_capacity * 2, wanted)));
        items.CopyTo(new Span<T>(_items + Count, items.Length));
        Count += items.Length;
    }

    /// <summary>Drops the last ones.</summary>
    public void Shorten(int count)
    {
        Check.That(count >= 0 && count <= Count);
        Count = count;
    }

    /// <summary>Empties it; memory of which not a quarter was used goes back.</summary>
    public void Clear()
    {
        if (_capacity > Least && Count < _capacity / 4) Resize(Math.Max(Least, _capacity / 2));
        Count = 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(_items);
        _items = null;
        _capacity = Count = 0;
    }

    private void Resize(int capacity)
    {
        _items = (T*)NativeMemory.Realloc(_items, (nuint)capacity * (nuint)sizeof(T));
        _capacity = capacity;
    }
}
