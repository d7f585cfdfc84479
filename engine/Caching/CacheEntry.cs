using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Caching;

/// <summary>A cached block in the cache's table: what it is, and where it stands in line.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CacheEntry
{
    public const int Bytes = 48;

    /// <summary>More uses are not counted.</summary>
    public const int MaximumUses = 3;

    private const byte UsesMask = 3;
    private const byte MainFlag = 4;
    private const byte NodeFlag = 8;

    /// <summary>With birth and checksum: the pointer that it answers.</summary>
    public ulong Place;

    public ulong BirthEpoch;

    public Hash128 Checksum;

    /// <summary>Next in the same bucket; links unused entries too.</summary>
    public int NextInBucket;

    /// <summary>Neighbours in its queue.</summary>
    public int Newer;

    public int Older;

    /// <summary>Number of the pool's share.</summary>
    public ushort Share;

    /// <summary>Frames that it takes.</summary>
    public byte Frames;

    private byte _state;

    /// <summary>Times it was used since eviction last passed by.</summary>
    public int Uses
    {
        readonly get => _state & UsesMask;
        set => _state = (byte)((_state & ~UsesMask) | value);
    }

    /// <summary>In the main queue, else in the one for newcomers.</summary>
    public bool IsMain
    {
        readonly get => (_state & MainFlag) != 0;
        set => _state = (byte)(value ? _state | MainFlag : _state & ~MainFlag);
    }

    /// <summary>A node of a tree, else data.</summary>
    public readonly bool IsNode => (_state & NodeFlag) != 0;

    /// <summary>A new entry, in no queue yet.</summary>
    public void Set(in BlockPointer pointer, int share, int frames, bool isNode)
    {
        Place = pointer.Place0.Packed;
        BirthEpoch = pointer.BirthEpoch;
        Checksum = pointer.Checksum;
        Share = (ushort)share;
        Frames = (byte)frames;
        _state = isNode ? NodeFlag : (byte)0;
    }
}
