using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.PoolLayout;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class LinuxLoopTests
{
    [Fact]
    public void Actions_posted_from_other_threads_run_on_the_loop_in_order()
    {
        using var fixture = new LoopFixture();
        var seen = new List<int>();
        var threads = new HashSet<int>();
        using var done = new ManualResetEventSlim();
        for (int i = 0; i < 10_000; i++)
        {
            int number = i;
            fixture.Loop.Post(() =>
            {
                seen.Add(number);
                threads.Add(Environment.CurrentManagedThreadId);
                if (number == 9_999) done.Set();
            });
        }

        Assert.True(done.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal(Enumerable.Range(0, 10_000), seen);
        Assert.Single(threads);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, threads);
    }

    [Fact]
    public void A_sleeping_loop_is_woken_by_each_post()
    {
        using var fixture = new LoopFixture();
        for (int i = 0; i < 500; i++)
        {
            int number = i;
            Assert.Equal(number, fixture.Run(() => ValueTask.FromResult(number)));
        }
    }

    [Fact]
    public void Deferred_callbacks_run_after_everything_posted_in_the_turn_and_may_defer_again()
    {
        using var fixture = new LoopFixture();
        var log = new List<string>();
        fixture.Run(async () =>
        {
            LinuxLoop loop = fixture.Loop;
            loop.Defer(new TurnEnd(() =>
            {
                log.Add("first");
                loop.Defer(new TurnEnd(() => log.Add("again")));
            }));
            loop.Defer(new TurnEnd(() => log.Add("second")));
            log.Add("body");
            await loop.DelayAsync(200_000_000);
            log.Add("after");
        });
        Assert.Equal(["body", "first", "second", "again", "after"], log);
    }

    [Fact]
    public void A_callback_that_defers_for_ever_does_not_starve_timers()
    {
        using var fixture = new LoopFixture();
        bool stop = false;
        fixture.Run(async () =>
        {
            Endless? endless = null;
            endless = new Endless(() =>
            {
                if (!stop) fixture.Loop.Defer(endless!);
            });
            fixture.Loop.Defer(endless);
            await fixture.Loop.DelayAsync(1_000_000);
            stop = true;
        });
        Assert.True(stop);
    }

    [Fact]
    public void Timers_fire_in_the_order_of_their_deadlines_and_of_arming_when_equal()
    {
        using var fixture = new LoopFixture();
        var log = new List<string>();
        fixture.Run(async () =>
        {
            LinuxLoop loop = fixture.Loop;
            loop.CreateTimer(() => log.Add("30ms")).Start(30_000_000);
            loop.CreateTimer(() => log.Add("10ms")).Start(10_000_000);
            ILoopTimer stopped = loop.CreateTimer(() => log.Add("stopped"));
            stopped.Start(5_000_000);
            stopped.Stop();
            stopped.Stop();
            ILoopTimer moved = loop.CreateTimer(() => log.Add("moved"));
            moved.Start(1_000_000);
            moved.Start(20_000_000);
            await loop.DelayAsync(60_000_000);
            log.Add("end");
        });
        Assert.Equal(["10ms", "moved", "30ms", "end"], log);
    }

    [Fact]
    public void A_delay_lasts_at_least_as_long_as_asked()
    {
        using var fixture = new LoopFixture();
        long elapsed = fixture.Run(async () =>
        {
            long start = fixture.Loop.NowNanoseconds;
            await fixture.Loop.DelayAsync(20_000_000);
            return fixture.Loop.NowNanoseconds - start;
        });
        Assert.True(elapsed >= 20_000_000);
    }

    [Fact]
    public void Offloaded_work_runs_on_another_thread_and_comes_back()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            int loopThread = Environment.CurrentManagedThreadId;
            int workThread = 0;
            await fixture.Loop.OffloadAsync(new Work(() => workThread = Environment.CurrentManagedThreadId));
            Assert.NotEqual(0, workThread);
            Assert.NotEqual(loopThread, workThread);
            Assert.Equal(loopThread, Environment.CurrentManagedThreadId);
        });
    }

    [Fact]
    public void An_exception_of_offloaded_work_reaches_whoever_awaits_it()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            for (int i = 0; i < 3; i++)
            {
                await Assert.ThrowsAsync<InvalidDataException>(
                    async () => await fixture.Loop.OffloadAsync(
                        new Work(() => throw new InvalidDataException())));
            }
        });
    }

    [Fact]
    public void An_exception_of_an_invoked_function_reaches_the_caller_and_the_loop_lives_on()
    {
        using var fixture = new LoopFixture();
        Assert.Throws<InvalidDataException>(() => fixture.Run(() => throw new InvalidDataException()));
        Assert.Equal(7, fixture.Run(() => ValueTask.FromResult(7)));
    }

    [Fact]
    public void An_exception_that_escapes_a_callback_is_reported_as_fatal_and_ends_the_loop()
    {
        Exception? fatal = null;
        LinuxLoop loop = LinuxLoop.Start(new LinuxLoopOptions { OnFatal = e => fatal = e }).Value;
        loop.Post(() => Check.That(fatal is not null));
        loop.Join();
        Assert.IsType<CheckFailedException>(fatal);
    }

    [Fact]
    public void A_call_that_the_loop_did_not_finish_ends_with_it()
    {
        LinuxLoop loop = LinuxLoop.Start(new LinuxLoopOptions()).Value;
        Task<bool> endless = loop.InvokeAsync(async () =>
        {
            await loop.DelayAsync(long.MaxValue);
            return true;
        });
        loop.Dispose();
        Assert.Throws<ObjectDisposedException>(() => endless.GetAwaiter().GetResult());
        Assert.Throws<ObjectDisposedException>(
            () => loop.InvokeAsync(() => ValueTask.FromResult(1)).GetAwaiter().GetResult());
    }

    [Fact]
    public void An_idle_loop_makes_no_turns()
    {
        using var fixture = new LoopFixture();
        fixture.Run(() =>
        {
            // A timer far away must not wake it either.
            fixture.Loop.CreateTimer(() => { }).Start(3_600_000_000_000);
            return ValueTask.CompletedTask;
        });
        Thread.Sleep(50);
        long before = fixture.Loop.TurnCount;
        Thread.Sleep(500);
        Assert.InRange(fixture.Loop.TurnCount - before, 0, 2);
    }

    [Fact]
    public void Random_bytes_differ_from_call_to_call_and_fill_long_spans()
    {
        using var fixture = new LoopFixture();
        byte[] one = new byte[1000];
        byte[] other = new byte[1000];
        fixture.Loop.FillRandom(one);
        fixture.Loop.FillRandom(other);
        Assert.NotEqual(one, other);
        Assert.Contains(one.AsSpan(990).ToArray(), value => value != 0);
    }

    [Fact]
    public void Timers_delays_posts_and_offloads_allocate_nothing_once_warm()
    {
        using var fixture = new LoopFixture();
        long allocated = fixture.Run(async () =>
        {
            var work = new Work(() => { });
            long start = 0;
            for (int i = 0; i < 3_000; i++)
            {
                if (i == 1_000) start = GC.GetAllocatedBytesForCurrentThread();
                await fixture.Loop.OffloadAsync(work);
                await fixture.Loop.DelayAsync(i % 100 == 0 ? 1_000 : 0);
            }

            return GC.GetAllocatedBytesForCurrentThread() - start;
        });
        Assert.Equal(0, allocated);
    }

    [Fact]
    public unsafe void Starting_a_loop_raises_the_limit_on_open_files_to_what_is_allowed()
    {
        ulong* limit = stackalloc ulong[2];
        Assert.Equal(0, GetLimit(7, limit));
        ulong hard = limit[1];
        // One less, which the tests running meanwhile do not feel.
        limit[0] = hard - 1;
        Assert.Equal(0, SetLimit(7, limit));
        using (new LoopFixture()) Assert.Equal(0, GetLimit(7, limit));
        Assert.Equal(hard, limit[0]);
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "getrlimit")]
    private static extern unsafe int GetLimit(int resource, ulong* limit);

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "setrlimit")]
    private static extern unsafe int SetLimit(int resource, ulong* limit);

    private sealed class TurnEnd(Action action) : ITurnEnd
    {
        public void OnTurnEnd() => action();
    }

    private sealed class Endless(Action action) : ITurnEnd
    {
        public void OnTurnEnd() => action();
    }

    private sealed class Work(Action action) : IOffloadedWork
    {
        public void Execute() => action();
    }
}
