using Cstor.Engine.Memory;

namespace Cstor.Engine.Caching;

/// <summary>Entries first in, first out, linked through the table.</summary>
internal sealed class CacheQueue(NativeArray<CacheEntry> entries)
{
    public const int None = -1;

    private int _newest = None;

    /// <summary>First to go, or <see cref="None"/>.</summary>
    public int Oldest { get; private set; } = None;

    /// <summary>Frames of all entries.</summary>
    public int Frames { get; private set; }

    public void Add(int index)
    {
        ref CacheEntry entry = ref entries[index];
        entry.Older = _newest;
        entry.Newer = None;
        if (_newest == None) Oldest = index;
        else entries[_newest].Newer = index;
        _newest = index;
        Frames += entry.Frames;
    }

    public void Remove(int index)
    {
        ref CacheEntry entry = ref entries[index];
        if (entry.Older == None) Oldest = entry.Newer;
        else entries[entry.Older].Newer = entry.Newer;
        if (entry.Newer == None) _newest = entry.Older;
        else entries[entry.Newer].Older = entry.Older;
        Frames -= entry.Frames;
    }
}
