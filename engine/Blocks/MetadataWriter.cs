using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Engine.Blocks;

/// <summary>
/// Writes the blocks of a checkpoint, two copies each. A block's place and checksum are known when it is
/// handed over, so parents are built without waiting; neighbours go out together, and
/// <see cref="DrainAsync"/> says how it all ended.
/// </summary>
internal sealed class MetadataWriter(
    ILoop loop, PoolDevices devices, SpaceAllocator allocator, SpaceLedger ledger, CacheShare cache,
    CheckpointPace pace)
{
    // Blocks sent together, and runs of them under way.
    private const int CalmBlocks = 4;
    private const int HurriedBlocks = 32;
    private const int HurriedRuns = 128;

    private readonly List<PlacedWrite> _batch = new(HurriedBlocks * 2);
    private readonly Stack<MetadataRun> _freeRuns = [];
    private readonly Dictionary<BlockPlace, (Hash128 Checksum, IoBuffer Buffer)> _unwritten = [];
    private int _outstanding;
    private IoStatus _status;
    private readonly Stack<LoopWaiter> _freeWaiters = [];
    private LoopWaiter? _waiter;
    private int _waiterLimit;
    private Action? _letGo;

    /// <summary>How fast to go.</summary>
    public CheckpointPace Pace => pace;

    /// <summary>Sectors of metadata written since import, all copies.</summary>
    public long WrittenSectors { get; private set; }

    /// <summary>Hands a block over; the writer holds the buffer until it is written.</summary>
    /// <param name="buffer">Logical bytes; from <paramref name="physicalBytes"/> to the end of the sector
    /// they are zeroed here.</param>
    /// <param name="logicalShift">Log2 of the logical length.</param>
    /// <param name="physicalBytes">Bytes that matter.</param>
    /// <param name="birthEpoch">Current epoch.</param>
    /// <param name="contentHash">Of what lies below, or of the bytes themselves.</param>
    /// <param name="pointer">The block's pointer.</param>
    /// <returns>False when there is no room at all.</returns>
    public bool TryWrite(
        IoBuffer buffer, int logicalShift, int physicalBytes, ulong birthEpoch, Hash128 contentHash,
            out BlockPointer pointer)
    {
        int sectors = (physicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;
        pointer = default;
        if (!allocator.TryAllocateMetadata(sectors, out BlockPlace place0, out BlockPlace place1))
            return false;
        pointer = WriteAt(buffer, logicalShift, physicalBytes, birthEpoch, contentHash, place0, place1);
        ledger.FrozenAllocated(pointer);
        // Other kinds of metadata are read at import and never again.
        if (physicalBytes != Layout.NodeBytes) return true;
        cache.InsertNode(pointer, buffer.Span[..physicalBytes]);
        _unwritten[place0] = (pointer.Checksum, buffer);
        return true;
    }

    /// <summary>
    /// A node that was handed over and is not on the devices yet: it may have left the cache before, and
    /// nobody may read its place then. Held until the write has ended.
    /// </summary>
    public IoBuffer? FindUnwritten(in BlockPointer pointer) =>
        _unwritten.TryGetValue(pointer.Place0, out (Hash128 Checksum, IoBuffer Buffer) found)
            && found.Checksum == pointer.Checksum ? found.Buffer : null;

    /// <summary>
    /// As <see cref="TryWrite"/>, to places that the caller took and entered in the ledger; not cached.
    /// </summary>
    public BlockPointer WriteAt(
        IoBuffer buffer, int logicalShift, int physicalBytes, ulong birthEpoch, Hash128 contentHash,
        BlockPlace place0, BlockPlace place1)
    {
        int sectors = (physicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;
        int storedBytes = sectors << Layout.SectorShift;
        buffer.Span[physicalBytes..storedBytes].Clear();
        BlockPointer pointer = new()
        {
            Place0 = place0,
            Place1 = place1,
            AllocatedSectors = (ushort)allocator.SectorsOf(place0, place1, sectors),
            LogicalShift = (byte)logicalShift,
            PhysicalBytes = (uint)physicalBytes,
            ChecksumKind = ChecksumKind.Xxh128,
            BirthEpoch = birthEpoch,
            Checksum = Xxh128.Compute(buffer.Span[..physicalBytes]),
            ContentHash = contentHash,
        };
        WrittenSectors += pointer.AllocatedSectors;
        Enqueue(place0, buffer, storedBytes);
        Enqueue(place1, buffer, storedBytes);
        if (_batch.Count >= (pace.IsHurried ? HurriedBlocks : CalmBlocks) * 2) SendBatch();
        return pointer;
    }

    /// <summary>Waits while too much is under way, so that memory stays bounded.</summary>
    /// <returns>Ok, whatever happened to the writes.</returns>
    public ValueTask<IoStatus> ThrottleAsync() =>
        WaitUntilAsync(pace.IsHurried ? HurriedRuns : pace.Width);

    /// <summary>Sends what is left and waits for all of it.</summary>
    /// <returns>The first failure since the last drain, or Ok.</returns>
    public async ValueTask<IoStatus> DrainAsync()
    {
        SendBatch();
        await WaitUntilAsync(0);
        IoStatus status = _status;
        _status = IoStatus.Ok;
        return status;
    }

    /// <summary>A copy can be read where it is.</summary>
    internal void OnWritten(BlockPlace place) => _unwritten.Remove(place);

    internal void RunEnded(MetadataRun run, IoStatus status)
    {
        if (status != IoStatus.Ok && _status == IoStatus.Ok) _status = status;
        _freeRuns.Push(run);
        _outstanding--;
        if (_waiter is null || _outstanding != _waiterLimit) return;
        loop.Post(_letGo ??= LetGo);
    }

    private void LetGo()
    {
        LoopWaiter waiter = _waiter!;
        _waiter = null;
        waiter.Complete(IoStatus.Ok);
    }

    private ValueTask<IoStatus> WaitUntilAsync(int limit)
    {
        if (_outstanding <= limit) return new ValueTask<IoStatus>(IoStatus.Ok);
        Check.That(_waiter is null);
        if (!_freeWaiters.TryPop(out _waiter)) _waiter = new LoopWaiter(_freeWaiters);
        _waiterLimit = limit;
        return _waiter.Task;
    }

    private void Enqueue(BlockPlace place, IoBuffer buffer, int bytes)
    {
        buffer.Retain();
        int sectors = allocator.SectorsOf(place, bytes >> Layout.SectorShift);
        _batch.Add(new PlacedWrite(place, sectors, buffer, bytes));
    }

    private void SendBatch()
    {
        if (_batch.Count == 0) return;
        _batch.Sort(static (a, b) => a.Place.Packed.CompareTo(b.Place.Packed));
        MetadataRun run = RentRun();
        foreach (PlacedWrite write in _batch)
        {
            if (run.TryAdd(write)) continue;
            Start(run);
            run = RentRun();
            bool added = run.TryAdd(write);
            Check.That(added);
        }

        Start(run);
        _batch.Clear();
    }

    private void Start(MetadataRun run)
    {
        _outstanding++;
        run.Start(devices);
    }

    private MetadataRun RentRun() => _freeRuns.TryPop(out MetadataRun? run) ? run : new MetadataRun(this);
}
