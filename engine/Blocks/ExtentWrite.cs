using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>
/// A run of adjoining blocks to be written wherever there is room: the request to
/// <see cref="BlockWriter"/>, and the awaitable that tells where each block went. Pooled by the writer;
/// released by <see cref="BlockWriter.Return"/>.
/// </summary>
internal sealed class ExtentWrite : IValueTaskSource<IoStatus>
{
    /// <summary>Blocks in one extent at most: 1 MiB of 4 KiB blocks.</summary>
    public const int MaximumUnits = 256;

    private ManualResetValueTaskSourceCore<IoStatus> _source;
    private int _partsLeft;
    private IoStatus _status;

    /// <summary>Physical bytes of all blocks, 4096-aligned, padded with zeroes to whole sectors.</summary>
    public IoSlice Source { get; set; }

    /// <summary>Sectors of each block's physical bytes.</summary>
    public int UnitSectors { get; set; }

    public int UnitCount { get; set; }

    /// <summary>Room for it was kept: it goes before others, and when they must wait.</summary>
    public bool IsReserved { get; set; }

    /// <summary>Which side of the writer's barrier it began on.</summary>
    public int Generation { get; set; }

    /// <summary>Where each block went; valid when the write has completed.</summary>
    public BlockPlace[] Places { get; } = new BlockPlace[MaximumUnits];

    /// <summary>How <see cref="Checksums"/> were computed.</summary>
    public ChecksumKind ChecksumKind { get; set; }

    /// <summary>Checksum of each block's physical bytes, for its pointer.</summary>
    public Hash128[] Checksums { get; } = new Hash128[MaximumUnits];

    /// <summary>Blocks that have their place so far.</summary>
    public int PlacedUnits { get; set; }

    public ValueTask<IoStatus> Task => new(this, _source.Version);

    public void Begin()
    {
        _source.Reset();
        _status = IoStatus.Ok;
        // One part is held by the writer until every block has its place.
        _partsLeft = 1;
        PlacedUnits = 0;
    }

    public void AddPart() => _partsLeft++;

    /// <summary>The pointer to a block that was written as it is.</summary>
    /// <param name="unit">Which of the extent's blocks.</param>
    /// <param name="allocator">Knows what it takes.</param>
    /// <param name="epoch">Of its birth.</param>
    /// <param name="blockShift">Log2 of its logical length.</param>
    /// <param name="content">Hash of its logical bytes.</param>
    public BlockPointer PointerTo(
        int unit, SpaceAllocator allocator, ulong epoch, int blockShift, Hash128 content) => new()
    {
        Place0 = Places[unit],
        AllocatedSectors = (ushort)allocator.SectorsOf(Places[unit], UnitSectors),
        LogicalShift = (byte)blockShift,
        PhysicalBytes = 1u << blockShift,
        ChecksumKind = ChecksumKind,
        BirthEpoch = epoch,
        Checksum = Checksums[unit],
        ContentHash = content,
    };

    /// <summary>A failed write made nothing visible; its space is free again.</summary>
    public void GiveBack(SpaceAllocator allocator)
    {
        for (int i = 0; i < PlacedUnits; i++)
            allocator.Release(Places[i], allocator.SectorsOf(Places[i], UnitSectors));
    }

    /// <summary>
    /// A device write with some of the blocks ended, or (the writer's own part) all blocks have places.
    /// </summary>
    public void EndPart(IoStatus status)
    {
        if (status != IoStatus.Ok) _status = status;
        if (--_partsLeft == 0) _source.SetResult(_status);
    }

    public IoStatus GetResult(short token) => _source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
