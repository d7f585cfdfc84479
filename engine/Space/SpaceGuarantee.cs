namespace Cstor.Engine.Space;

/// <summary>
/// The part of the free space that one volume alone may take: what is reserved for it, less what its live
/// version takes already. What only its snapshots hold does not count, so a snapshot needs room for all that
/// may be overwritten afterwards.
/// </summary>
/// <remarks>
/// What the live version takes is known exactly at a checkpoint. Blocks placed since count as well, though
/// they may have replaced others: those come back with the next checkpoint. So a volume that is overwritten
/// all the time keeps within what is reserved, and waits for a checkpoint when that is used up. Beside that a
/// volume with a reservation is always sure of what the log and the nodes may take for a while.
/// </remarks>
internal sealed class SpaceGuarantee(SpaceAllocator allocator)
{
    private long _own;
    private long _placed;
    private long _frozen;

    public long ReservedSectors { get; private set; }

    /// <summary>Sectors that nobody else may take.</summary>
    public long UnusedSectors { get; private set; }

    /// <summary>What of the reservation is in use.</summary>
    public long UsedSectors => Math.Clamp(_own + _placed + _frozen, 0, ReservedSectors);

    /// <summary>What others may not take for a reservation of so much.</summary>
    public long UnusedOf(long reservedSectors) => reservedSectors == 0
        ? 0
        : Math.Max(0, reservedSectors - _own - _placed - _frozen) + allocator.SwaySectors;

    /// <summary>A block was placed, or (negative) its place given back.</summary>
    public void Place(long sectors)
    {
        _placed += sectors;
        Update();
    }

    /// <summary>A checkpoint begins: what was placed so far will be known by it.</summary>
    public void Freeze()
    {
        _frozen += _placed;
        _placed = 0;
    }

    /// <summary>The checkpoint is durable; to be followed by <see cref="Settle"/>.</summary>
    public void Thaw() => _frozen = 0;

    /// <summary>What was placed belongs to another version from now on.</summary>
    public void HandOver() => _placed = _frozen = 0;

    /// <summary>Takes over what is known now.</summary>
    /// <param name="reservedSectors">0 for no reservation.</param>
    /// <param name="ownSectors">What the live version alone takes, at the newest checkpoint.</param>
    public void Settle(long reservedSectors, long ownSectors)
    {
        ReservedSectors = reservedSectors;
        _own = Math.Max(0, ownSectors);
        Update();
    }

    private void Update()
    {
        long unused = UnusedOf(ReservedSectors);
        allocator.GuaranteedSectors += unused - UnusedSectors;
        UnusedSectors = unused;
    }
}
