using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Streams;

/// <summary>Blocks that came in a stream and take as many sectors each, written as one extent.</summary>
/// <param name="extent">The write; its source is <paramref name="buffer"/>.</param>
/// <param name="buffer">Their stored bytes, each padded to whole sectors.</param>
internal sealed class ReceivedRun(ExtentWrite extent, IoBuffer buffer)
{
    public const int MaximumBytes = 256 * 1024;

    private readonly ulong[] _blocks = new ulong[MaximumBytes / Layout.SectorBytes];
    private readonly BlockPointer[] _pointers = new BlockPointer[MaximumBytes / Layout.SectorBytes];

    public ExtentWrite Extent => extent;

    public IoBuffer Buffer => buffer;

    public int Count { get; private set; }

    /// <summary>Completes when the blocks are on the devices.</summary>
    public ValueTask<IoStatus> Written { get; private set; }

    private int UnitBytes => extent.UnitSectors << Layout.SectorShift;

    /// <summary>Adds a block if it takes as many sectors as the others and there is room.</summary>
    /// <param name="block">Which.</param>
    /// <param name="stored">Its stored bytes.</param>
    /// <param name="pointer">All that is known of it before it has a place.</param>
    public bool TryAdd(ulong block, ReadOnlySpan<byte> stored, in BlockPointer pointer)
    {
        bool fits = pointer.PhysicalSectors == extent.UnitSectors && (Count + 1) * UnitBytes <= MaximumBytes;
        if (!fits) return false;
        Span<byte> unit = buffer.Span.Slice(Count * UnitBytes, UnitBytes);
        stored.CopyTo(unit);
        unit[stored.Length..].Clear();
        _blocks[Count] = block;
        _pointers[Count] = pointer;
        extent.Checksums[Count++] = pointer.Checksum;
        return true;
    }

    public void Start(ValueTask<IoStatus> written) => Written = written;

    public ulong BlockAt(int index) => _blocks[index];

    public BlockPointer PointerAt(int index) => _pointers[index];
}
