using Cstor.Engine.Space;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Space;

public sealed class HeldSpaceTests : IDisposable
{
    private const int Sectors = 40_000;
    private const int Freed = 100;

    private readonly SimulatedMachine _machine = new(1);
    private readonly SimulatedLoop _loop;
    private readonly SpaceAllocator _space = new();
    private readonly SpaceLedger _ledger;

    public HeldSpaceTests()
    {
        _loop = _machine.AddNode("node").CreateLoop();
        _space.AddVdev(VdevGeometry.Create(VdevKind.Disk, 1, Sectors), VdevRole.Data);
        _ledger = new SpaceLedger(_loop, _space);
        _space.MakeRoom = _ledger.ReleaseHeld;
    }

    public void Dispose()
    {
        _space.Dispose();
        _machine.Dispose();
    }

    [Fact]
    public void What_the_last_checkpoints_freed_stays_taken_and_older_space_comes_back()
    {
        BlockPlace[] freed = new BlockPlace[HeldSpace.Checkpoints + 2];
        for (int i = 0; i < freed.Length; i++)
        {
            freed[i] = Take(Freed);
            Checkpoint(freed[i]);
            Assert.Equal(0, _ledger.AwaitingSectors);
        }

        Assert.Equal([false, false, true, true, true], freed.Select(_space.IsTaken));
        Assert.Equal(HeldSpace.Checkpoints * Freed, _ledger.HeldSectors);
    }

    [Fact]
    public void Who_finds_no_room_gets_what_is_held_at_once()
    {
        List<BlockPlace> held = [.. Enumerable.Range(0, 3).Select(_ => Take(Freed))];
        foreach (BlockPlace place in held) Checkpoint(place);
        long releases = _ledger.Releases;
        while (_space.FreeForDataSectors > 0) Take(1);
        Assert.Equal(3 * Freed, _ledger.HeldSectors);
        for (int i = 0; i < 3 * Freed; i++) Take(1);
        Assert.Equal((0L, releases + 3), (_ledger.HeldSectors, _ledger.Releases));
        Assert.False(_space.TryAllocateData(1, 1, 0, out _, out _));
    }

    [Fact]
    public void Metadata_takes_it_before_it_enters_the_zone()
    {
        BlockPlace held = Take(Freed);
        Checkpoint(held);
        while (_space.Vdev(0).OpenFreeSectors >= 8)
            Assert.True(_space.TryAllocateMetadata(4, out _, out _));
        long zone = _space.Vdev(0).ZoneFreeSectors;
        for (int i = 0; i < Freed / 8; i++) Assert.True(_space.TryAllocateMetadata(4, out _, out _));
        Assert.Equal((zone, 0L), (_space.Vdev(0).ZoneFreeSectors, _ledger.HeldSectors));
    }

    [Fact]
    public void Under_a_pin_nothing_held_is_given_away_and_the_last_unpin_brings_it()
    {
        Checkpoint(Take(Freed));
        long before = _space.FreeSectors;
        _ledger.Pin();
        Assert.False(_ledger.ReleaseHeld());
        Assert.True(_ledger.IsReleaseWanted);
        Assert.Equal((Freed, Freed), (_ledger.AwaitingSectors, _ledger.KeptSectors));
        Assert.Equal(before, _space.FreeSectors);
        int released = 0;
        _ledger.Released = () => released++;
        _machine.Run(_loop, async () =>
        {
            _ledger.Unpin();
            while (_ledger.IsReleasing) await _loop.DelayAsync(1);
        });
        Assert.Equal((before + Freed, 0L, 0L, 1),
            (_space.FreeSectors, _ledger.HeldSectors, _ledger.AwaitingSectors, released));
    }

    [Fact]
    public void No_more_is_held_than_a_part_of_what_is_free()
    {
        List<BlockPlace> all = [];
        // What is left at the end of a region is shorter than a run.
        while (_space.FreeForDataSectors >= 2 * Freed) all.Add(Take(Freed));
        foreach (BlockPlace place in all.Take(40)) Checkpoint(place);
        Assert.Equal(HeldSpace.Checkpoints * Freed, _ledger.HeldSectors);
        Checkpoint([.. all.Skip(40)]);
        Assert.InRange(_ledger.HeldSectors, 0, _space.FreeSectors / 4);
    }

    private BlockPlace Take(int sectors)
    {
        Assert.True(_space.TryAllocateData(sectors, 1, 0, out BlockPlace place, out int taken));
        Assert.Equal(1, taken);
        return place;
    }

    private void Checkpoint(params BlockPlace[] freed) => _machine.Run(_loop, async () =>
    {
        foreach (BlockPlace place in freed) _ledger.Freed(place, Freed);
        _ledger.Freeze();
        await _ledger.ThawAsync();
    });
}
