using Cstor.Engine.Host;
using Cstor.Engine.Memory;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Space;

/// <summary>
/// What was allocated and freed since the last checkpoint, in order. A freed run stays taken in the
/// allocator until the checkpoint that records it is durable: before that, an older root or the log may
/// still lead to it.
/// </summary>
/// <remarks>
/// An allocation is entered when its pointer becomes visible, not when the space is taken: a write that is
/// still under way at the freeze belongs to the next checkpoint, and after a crash its space is simply
/// free.
///
/// Who reads blocks in the background, by pointers found some time ago, pins the ledger meanwhile:
/// checkpoints go on, but what they free is kept until the last pin is gone, so no place is used again under
/// the reader. Segments of the log are freed all the same: nobody has a pointer to them.
///
/// What else a checkpoint freed is held a while longer, so that the roots before it stay whole, but for
/// their log, and an import can go back to them (see <see cref="HeldSpace"/>). Whoever finds no room gets it
/// at once.
/// </remarks>
internal sealed class SpaceLedger(ILoop loop, SpaceAllocator allocator) : IDisposable
{
    // A millisecond's work at the most before the foreground gets its turn.
    private const int EntriesPerTurn = 4096;

    private NativeList<SpaceLogEntry> _current = new();
    private NativeList<SpaceLogEntry> _frozen = new();
    private readonly HashSet<BlockPlace> _frozenSegments = [];
    private readonly HeldSpace _held = new(allocator);
    private NativeList<SpaceLogEntry> _kept = new();
    private long _awaitingSectors;
    private long _keptSectors;
    private int _joinFrom;
    private int _pins;

    /// <summary>Sectors freed that await a durable checkpoint or the last unpin.</summary>
    public long AwaitingSectors => _awaitingSectors + (_pins > 0 ? _held.Sectors : 0);

    /// <summary>
    /// Sectors that are not free yet and will be: what awaits a checkpoint, and what is held.
    /// </summary>
    public long ComingSectors => _awaitingSectors + _held.Sectors;

    /// <summary>Awaiting sectors that no checkpoint releases, because of a pin.</summary>
    public long KeptSectors => _keptSectors + (_pins > 0 ? _held.Sectors : 0);

    /// <summary>Sectors that are free for whoever wants them; until then they keep older roots
    /// whole.</summary>
    public long HeldSectors => _held.Sectors;

    /// <summary>
    /// Somebody waits for kept space: who pinned should unpin soon, and may pin again afterwards.
    /// </summary>
    public bool IsReleaseWanted { get; set; }

    /// <summary>Sectors allocated by what became visible after the last freeze.</summary>
    public long AllocatedSectors { get; private set; }

    /// <summary>Runs given free so far: while it stays the same, no place was used again.</summary>
    public long Releases { get; private set; }

    /// <summary>Kept space is being released.</summary>
    public bool IsReleasing { get; private set; }

    /// <summary>Told when kept space was released.</summary>
    public Action Released { get; set; } = static () => { };

    /// <summary>Entries of the checkpoint under way.</summary>
    public ReadOnlySpan<SpaceLogEntry> Frozen => _frozen.Items;

    public int FrozenCount => _frozen.Count;

    /// <summary>Whoever has read the frozen entries so far wants later ones apart from them.</summary>
    public void StopJoining() => _joinFrom = _frozen.Count;

    /// <summary>Enters an allocation that became visible after the last freeze.</summary>
    public void Allocated(BlockPlace place, int sectors) =>
        Add(_current, place, sectors, SpaceChange.Allocated);

    /// <summary>Enters a free that took effect after the last freeze.</summary>
    public void Freed(BlockPlace place, int sectors) => Add(_current, place, sectors, SpaceChange.Freed);

    /// <summary>Every copy of a block.</summary>
    public void Allocated(in BlockPointer pointer) =>
        AddCopies(_current, pointer, SpaceChange.Allocated);

    /// <summary>Every copy of a block.</summary>
    public void Freed(in BlockPointer pointer) =>
        AddCopies(_current, pointer, SpaceChange.Freed);

    /// <summary>Begins a checkpoint: what was entered so far belongs to it.</summary>
    public void Freeze()
    {
        Check.That(_frozen.Count == 0);
        (_current, _frozen) = (_frozen, _current);
        AllocatedSectors = 0;
    }

    /// <summary>Enters a change that the checkpoint itself makes.</summary>
    public void FrozenAllocated(in BlockPointer pointer) =>
        AddCopies(_frozen, pointer, SpaceChange.Allocated);

    /// <summary>Enters a change that the checkpoint itself makes.</summary>
    public void FrozenFreed(in BlockPointer pointer) =>
        AddCopies(_frozen, pointer, SpaceChange.Freed);

    /// <summary>Enters a change that the checkpoint itself makes.</summary>
    public void FrozenAllocated(BlockPlace place, int sectors) =>
        Add(_frozen, place, sectors, SpaceChange.Allocated);

    /// <summary>Enters a change that the checkpoint itself makes.</summary>
    public void FrozenFreed(BlockPlace place, int sectors) => Add(_frozen, place, sectors, SpaceChange.Freed);

    /// <summary>Enters a segment of the log that the checkpoint makes superfluous.</summary>
    public void FrozenFreedSegment(BlockPlace place, int sectors)
    {
        _joinFrom = _frozen.Count;
        FrozenFreed(place, sectors);
        _joinFrom = _frozen.Count;
        _frozenSegments.Add(place);
    }

    /// <summary>
    /// The checkpoint is durable: what it freed may be used again, unless it is pinned, and is held while
    /// nobody wants it.
    /// </summary>
    public async ValueTask ThawAsync()
    {
        _held.Begin();
        for (int i = 0; i < _frozen.Count; i++)
        {
            SpaceLogEntry entry = _frozen[i];
            if (i % EntriesPerTurn == EntriesPerTurn - 1) await loop.DelayAsync(0);
            if (entry.Change != SpaceChange.Freed) continue;
            bool isSegment = _frozenSegments.Contains(entry.Place);
            if (_pins > 0 && !isSegment)
            {
                _kept.Add(entry);
                _keptSectors += entry.SectorCount;
            }
            else if (isSegment || _held.IsFull)
            {
                Release(entry);
            }
            else
            {
                _held.Add(entry);
                _awaitingSectors -= entry.SectorCount;
            }
        }

        while (_pins == 0 && _held.IsTooMuch && ReleaseHeld()) await loop.DelayAsync(0);

        _frozen.Clear();
        _frozenSegments.Clear();
        _joinFrom = 0;
    }

    /// <summary>
    /// From now on no place is used again that a block has which can be found now; until <see cref="Unpin"/>.
    /// </summary>
    public void Pin() => _pins++;

    /// <summary>
    /// Gives some of what is held free, the oldest first. Not while there are pins: who pinned may have found
    /// a pointer before it was freed, and is asked to unpin.
    /// </summary>
    /// <returns>False if nothing became free.</returns>
    public bool ReleaseHeld()
    {
        if (_pins > 0)
        {
            IsReleaseWanted |= _held.Sectors > 0;
            return false;
        }

        int released = _held.ReleaseSome();
        Releases += released;
        return released > 0;
    }

    /// <summary>
    /// Ends a pin. After the last one, what was kept is released in the background, and what is held too if
    /// somebody wants it.
    /// </summary>
    public void Unpin()
    {
        Check.That(_pins > 0);
        if (--_pins > 0) return;
        if (IsReleaseWanted) _keptSectors += KeepHeld();
        IsReleaseWanted = false;
        if (_kept.Count > 0 && !IsReleasing) ReleaseKept();
    }

    public void Dispose()
    {
        _current.Dispose();
        _frozen.Dispose();
        _kept.Dispose();
        _held.Dispose();
    }

    private async void ReleaseKept()
    {
        IsReleasing = true;
        // What is kept was freed before any later pin, which therefore need not stop its release.
        while (_kept.Count > 0)
        {
            using NativeList<SpaceLogEntry> kept = _kept;
            _kept = new NativeList<SpaceLogEntry>();
            for (int i = 0; i < kept.Count; i++)
            {
                if (i % EntriesPerTurn == EntriesPerTurn - 1) await loop.DelayAsync(0);
                Release(kept[i]);
                _keptSectors -= kept[i].SectorCount;
            }

            if (_pins > 0) break;
        }

        IsReleasing = false;
        Released();
    }

    private long KeepHeld()
    {
        long sectors = _held.MoveTo(_kept);
        _awaitingSectors += sectors;
        return sectors;
    }

    private void Release(SpaceLogEntry entry)
    {
        Releases++;
        allocator.Release(entry.Place, (int)entry.SectorCount);
        _awaitingSectors -= entry.SectorCount;
    }

    private void AddCopies(NativeList<SpaceLogEntry> list, in BlockPointer pointer, SpaceChange change)
    {
        int physical = pointer.PhysicalSectors;
        Add(list, pointer.Place0, allocator.SectorsOf(pointer.Place0, physical), change);
        if (pointer.Place1.IsNone) return;
        Add(list, pointer.Place1, allocator.SectorsOf(pointer.Place1, physical), change);
    }

    // Runs that adjoin the last entry are joined: a sequential write is one entry.
    private void Add(NativeList<SpaceLogEntry> list, BlockPlace place, int sectors, SpaceChange change)
    {
        if (change == SpaceChange.Freed) _awaitingSectors += sectors;
        else if (list == _current) AllocatedSectors += sectors;
        if (list.Count > (list == _frozen ? _joinFrom : 0))
        {
            ref SpaceLogEntry last = ref list[list.Count - 1];
            if (last.Change == change && last.Place.Packed + last.SectorCount == place.Packed)
            {
                last = last with { SectorCount = last.SectorCount + (uint)sectors };
                return;
            }
        }

        list.Add(new SpaceLogEntry { Place = place, SectorCount = (uint)sectors, Change = change });
    }
}
