using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Xunit;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedMachineTests
{
    [Fact]
    public void The_same_seed_gives_the_same_events_and_another_seed_gives_others()
    {
        ulong first = TraceOf(seed: 7);

        Assert.Equal(first, TraceOf(seed: 7));
        Assert.NotEqual(first, TraceOf(seed: 8));
    }

    [Fact]
    public void Virtual_time_passes_without_waiting_and_only_forwards()
    {
        using SimulatedMachine machine = new(1);
        SimulatedLoop loop = machine.AddNode("a").CreateLoop();
        long before = loop.NowNanoseconds;

        loop.Run(async () => await loop.DelayAsync(1_000_000_000_000));

        Assert.Equal(1_000_000_000_000, loop.NowNanoseconds - before);
    }

    [Fact]
    public void Posted_actions_run_in_the_order_of_posting()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            using SimulatedMachine machine = new(seed);
            SimulatedLoop loop = machine.AddNode("a").CreateLoop();
            List<int> order = [];

            loop.Run(async () =>
            {
                for (int i = 0; i < 10; i++)
                {
                    int number = i;
                    loop.Post(() => order.Add(number));
                }

                await loop.DelayAsync(1_000_000);
            });

            Assert.Equal(Enumerable.Range(0, 10), order);
        }
    }

    [Fact]
    public void Deferred_callbacks_run_after_all_completions_of_their_instant()
    {
        using SimulatedMachine machine = new(3);
        SimulatedLoop loop = machine.AddNode("a").CreateLoop();
        Recorder recorder = new();

        loop.Run(async () =>
        {
            for (int i = 0; i < 5; i++)
            {
                loop.CreateTimer(() =>
                {
                    recorder.Log.Add("timer");
                    loop.Defer(recorder);
                }).Start(1_000_000);
            }

            await loop.DelayAsync(2_000_000);
        });

        Assert.Equal(Enumerable.Repeat("timer", 5).Concat(Enumerable.Repeat("end", 5)), recorder.Log);
    }

    [Fact]
    public void A_stopped_timer_does_not_fire_and_a_restarted_one_fires_once()
    {
        using SimulatedMachine machine = new(4);
        SimulatedLoop loop = machine.AddNode("a").CreateLoop();
        int stopped = 0;
        int restarted = 0;

        loop.Run(async () =>
        {
            ILoopTimer first = loop.CreateTimer(() => stopped++);
            first.Start(1000);
            first.Stop();
            ILoopTimer second = loop.CreateTimer(() => restarted++);
            second.Start(1000);
            second.Start(5000);
            await loop.DelayAsync(1_000_000);
        });

        Assert.Equal((0, 1), (stopped, restarted));
    }

    [Fact]
    public void A_task_that_never_ends_is_reported_with_the_seed()
    {
        using SimulatedMachine machine = new(4711);
        SimulatedLoop loop = machine.AddNode("a").CreateLoop();

        SimulationException error = Assert.Throws<SimulationException>(() =>
            loop.Run(async () => await new SimulatedCompletion<int>().Task));

        Assert.Contains("seed 4711", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_check_ends_the_run_even_where_a_task_swallows_it()
    {
        using SimulatedMachine machine = new(5);
        SimulatedLoop loop = machine.AddNode("a").CreateLoop();

        SimulationException error = Assert.Throws<SimulationException>(() => loop.Run(async () =>
        {
            _ = SwallowAsync();
            await loop.DelayAsync(1_000_000);
        }));

        Assert.Contains("seed 5", error.Message, StringComparison.Ordinal);

        static async Task SwallowAsync()
        {
            await Task.CompletedTask;
            bool isFine = false;
            Check.That(isFine);
        }
    }

    [Fact]
    public void Nothing_of_a_dead_incarnation_runs_any_more()
    {
        using SimulatedMachine machine = new(6);
        SimulatedNode node = machine.AddNode("a");
        SimulatedLoop loop = node.CreateLoop();
        int ran = 0;

        RunEnd end = loop.Run(async () =>
        {
            loop.CreateTimer(() => ran++).Start(1_000_000);
            loop.Post(() => ran++);
            await Task.CompletedTask;
            node.Crash(CrashMode.Random);
            await loop.DelayAsync(1);
            ran++;
        });
        machine.RunFor(10_000_000);

        Assert.Equal((RunEnd.NodeDied, 0), (end, ran));
        Assert.True(loop.IsDead);
        Assert.False(node.CreateLoop().IsDead);
    }

    [Fact]
    public void Another_loops_disk_may_not_be_touched()
    {
        using SimulatedMachine machine = new(9) { AllowsFailedChecks = true };
        SimulatedNode node = machine.AddNode("a");
        node.Disks.Add("/dev/sda", 1 << 20);
        SimulatedLoop owner = node.CreateLoop();
        SimulatedLoop other = node.CreateLoop();
        IDisk disk = owner.Run(async () =>
            (await owner.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite)).Value);

        Assert.Throws<SimulationException>(() => other.Run(async () => await disk.FlushAsync()));
    }

    private static ulong TraceOf(ulong seed)
    {
        using SimulatedMachine machine = new(seed);
        SimulatedNode node = machine.AddNode("a");
        node.Disks.Add("/dev/sda", 1 << 20).Faults.ReadError = 0.2;
        SimulatedLoop loop = node.CreateLoop();
        loop.Run(async () =>
        {
            IDisk disk = (await loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite)).Value;
            IoBuffer buffer = loop.Buffers.Rent(8192);
            for (int i = 0; i < 20; i++)
            {
                loop.FillRandom(buffer.Span);
                ValueTask<IoStatus> write = disk.WriteAsync(i * 8192, buffer.First(8192));
                await loop.DelayAsync(5000);
                await write;
                await disk.ReadAsync(i * 4096, buffer.First(4096));
            }

            await disk.FlushAsync();
            buffer.Release();
        });
        return machine.TraceHash;
    }

    private sealed class Recorder : ITurnEnd
    {
        public List<string> Log { get; } = [];

        public void OnTurnEnd() => Log.Add("end");
    }
}
