using Cstor.Target;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>Volumes on one device that serves one request at a time, in virtual time.</summary>
public sealed class FairSharesTests
{
    private const long Second = 1_000_000_000;
    private const string One = "iqn.2026-11.io.cstor:tank.one";
    private const string Other = "iqn.2026-11.io.cstor:tank.other";
    private const int Depth = 128;
    private const int Small = 8;
    private const int Large = 512;

    /// <summary>Commands of 16K or less that may be under way in a pool that several want.</summary>
    private const int Bound = 64;

    [Fact]
    public void A_light_volume_does_not_wait_behind_the_queue_of_a_heavy_one() => Run(async world =>
    {
        // Two sessions of the heavy one have 256 commands under way.
        Load first = await world.LoadAsync(One, Small);
        Load second = await world.LoadAsync(One, Small);
        await world.Loop.DelayAsync(5 * Second);
        Assert.InRange(world.Device.UnderWay, (2 * Depth) - 8, 2 * Depth);
        TestInitiator light = await world.ConnectAsync(Other);
        // The first one finds them there; those that follow must not.
        Assert.True((await light.ReadAsync(Cdb.Ten(0x28, 0, Small), Small * 512)).IsGood);
        List<long> waits = [];
        for (int i = 0; i < 40; i++)
        {
            long began = world.Loop.NowNanoseconds;
            Assert.True((await light.ReadAsync(Cdb.Ten(0x28, 0, Small), Small * 512)).IsGood);
            waits.Add((world.Loop.NowNanoseconds - began) / QueuedVolume.Device.ServiceNanoseconds);
        }

        // Without shares it would be 256 commands.
        Assert.True(waits.Max() <= Bound + 6, string.Join(' ', waits));
        await first.StopAsync();
        await second.StopAsync();
    });

    [Theory]
    [InlineData(100, 100, 1.0)]
    [InlineData(100, 300, 3.0)]
    [InlineData(1000, 250, 0.25)]
    public void Heavy_volumes_get_as_much_as_their_shares_say(int one, int two, double ratio) =>
        Run(async world =>
        {
            world.SetShare(One, one);
            world.SetShare(Other, two);
            Load first = await world.LoadAsync(One, Small);
            Load second = await world.LoadAsync(Other, Small);
            await world.Loop.DelayAsync(5 * Second);
            (long firstBefore, long secondBefore) = (first.Done, second.Done);
            await world.Loop.DelayAsync(40 * Second);
            double measured = (double)(second.Done - secondBefore) / (first.Done - firstBefore);
            Assert.InRange(measured, ratio * 0.9, ratio * 1.1);
            Assert.InRange(world.Device.UnderWay, Bound / 2, Bound + 1);
            await first.StopAsync();
            await second.StopAsync();
        });

    [Fact]
    public void Shares_are_of_bytes_where_commands_differ_in_size() => Run(async world =>
    {
        Load large = await world.LoadAsync(One, Large, depth: 16);
        Load small = await world.LoadAsync(Other, 32);
        await world.Loop.DelayAsync(5 * Second);
        (long largeBefore, long smallBefore) = (large.Done, small.Done);
        await world.Loop.DelayAsync(150 * Second);
        double bytes = (double)(large.Done - largeBefore) * Large / ((small.Done - smallBefore) * 32);
        Assert.InRange(bytes, 0.8, 1.25);
        await large.StopAsync();
        await small.StopAsync();
    });

    [Fact]
    public void What_a_volume_does_not_want_goes_to_the_others_and_comes_back_at_once() => Run(async world =>
    {
        Load heavy = await world.LoadAsync(One, Small);
        Load other = await world.LoadAsync(Other, Small);
        await world.Loop.DelayAsync(5 * Second);
        await other.StopAsync();
        await world.Loop.DelayAsync(5 * Second);
        Assert.InRange(world.Device.UnderWay, Depth - 8, Depth);
        await heavy.StopAsync();
    });

    [Fact]
    public void A_change_of_the_share_is_in_force_at_once() => Run(async world =>
    {
        Load first = await world.LoadAsync(One, Small);
        Load second = await world.LoadAsync(Other, Small);
        await world.Loop.DelayAsync(5 * Second);
        world.SetShare(Other, 400);
        await world.Loop.DelayAsync(Second / 10);
        (long firstBefore, long secondBefore) = (first.Done, second.Done);
        await world.Loop.DelayAsync(40 * Second);
        double measured = (double)(second.Done - secondBefore) / (first.Done - firstBefore);
        Assert.InRange(measured, 3.5, 4.5);
        await first.StopAsync();
        await second.StopAsync();
    });

    [Fact]
    public void Commands_that_wait_for_their_turn_go_with_their_connection() => Run(async world =>
    {
        Load staying = await world.LoadAsync(Other, Small);
        TestInitiator leaving = await world.ConnectAsync(One);
        await leaving.SendAsync([.. Enumerable.Range(0, Depth).Select(_ => Read(leaving, Small))]);
        await world.Loop.DelayAsync(Second / 100);
        leaving.Connection.Close();
        await world.Loop.DelayAsync(5 * Second);
        Assert.InRange(world.Device.UnderWay, Depth - 8, Depth);
        await staying.StopAsync();
        Assert.Equal(0, world.Fixture.Server.Tasks.RentedCount);
    });

    private static Pdu Read(TestInitiator initiator, int blocks) =>
        initiator.Command(Cdb.Ten(0x28, 0, (ushort)blocks), blocks * 512, true, false);

    private static void Run(Func<World, ValueTask> test)
    {
        World world = new();
        using TargetFixture fixture = world.Fixture;
        fixture.RunBare(async () =>
        {
            world.Serve(One);
            world.Serve(Other);
            await test(world);
        });
    }

    private sealed class World
    {
        private readonly Dictionary<string, TargetDefinition> _definitions = [];
        private ulong _sessions;

        public World() => Device = new QueuedVolume.Device(Fixture.ServerLoop);

        public TargetFixture Fixture { get; } = new();

        public QueuedVolume.Device Device { get; }

        public SimulatedLoop Loop => Fixture.ServerLoop;

        public void Serve(string iqn)
        {
            TargetDefinition definition = new(iqn, new QueuedVolume(iqn, Device), SharedPool: "tank");
            _definitions.Add(iqn, definition);
            Assert.True(Fixture.Server.AddTarget(definition).IsOk);
        }

        public void SetShare(string iqn, int share) =>
            Assert.True(Fixture.Server.Reconfigure(_definitions[iqn] with { Share = share }).IsOk);

        public async ValueTask<TestInitiator> ConnectAsync(string iqn)
        {
            TestInitiator initiator = await Fixture.ConnectAsync();
            Assert.Equal(0, await initiator.LoginAsync(iqn, isid: 0x800000000001 + _sessions++));
            await initiator.SettleAsync();
            return initiator;
        }

        public async ValueTask<Load> LoadAsync(string iqn, int blocks, int depth = Depth)
        {
            Load load = new(await ConnectAsync(iqn), blocks);
            await load.StartAsync(depth);
            return load;
        }
    }

    /// <summary>Reads that follow one another, so many at once.</summary>
    private sealed class Load(TestInitiator initiator, int blocks)
    {
        private Task _running = Task.CompletedTask;
        private bool _isStopping;
        private int _underWay;

        public long Done { get; private set; }

        public async ValueTask StartAsync(int depth)
        {
            await initiator.SendAsync([.. Enumerable.Range(0, depth).Select(_ => Read(initiator, blocks))]);
            _underWay = depth;
            _running = GoOnAsync();
        }

        public Task StopAsync()
        {
            _isStopping = true;
            return _running;
        }

        private async Task GoOnAsync()
        {
            while (_underWay > 0)
            {
                Pdu answer = await initiator.ExpectAsync(0x25);
                if ((answer.Flags & 1) == 0) continue;
                Done++;
                if (_isStopping) _underWay--;
                else await initiator.SendAsync(Read(initiator, blocks));
            }
        }
    }
}
