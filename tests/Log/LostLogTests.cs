using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Cstor.Tests.Simulation.Workloads;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Log;

/// <summary>A raidz1 of three disks with one log device, or two, of which some die.</summary>
public sealed class LostLogTests
{
    private const int Blocks = 600;
    private const int Writers = 6;
    private const int LogDisk = 3;
    private readonly byte[] _acknowledged = new byte[Blocks];

    [Theory]
    [InlineData(DeathKind.Gone)]
    [InlineData(DeathKind.WriteErrors)]
    [InlineData(DeathKind.FlushErrors)]
    [InlineData(DeathKind.Hangs)]
    public void A_pool_goes_on_when_its_log_device_dies_under_durable_writes(DeathKind death)
    {
        foreach (ulong seed in SeedRange.Of(4))
        {
            using PoolFixture fixture = Fixture(seed, logDevices: 1);
            Array.Clear(_acknowledged);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.CreateAsync();
                Volume volume = await PoolFixture.VolumeAsync(pool);
                await WriteAsync(fixture, volume, first: 0, IoStatus.Ok,
                    () => Kill(fixture, LogDisk, death));
                Assert.Equal("degraded", pool.Status().Health);
                await WriteAsync(fixture, volume, first: 300, IoStatus.Ok, static () => { });
            });
            fixture.Crash(CrashMode.DropUnflushed);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.ImportAsync();
                await VerifyAsync(fixture, pool);
                Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: true));
                // What hangs may still write there.
                if (death != DeathKind.Hangs) Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
            });
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_crash_soon_after_the_death_loses_nothing_that_the_dead_device_still_has(int logDevices)
    {
        foreach (ulong seed in SeedRange.Of(16))
        {
            using PoolFixture fixture = Fixture(seed, logDevices);
            DiskFaults faults = fixture.Node.Disks[PoolFixture.PathOf(LogDisk)].Faults;
            Array.Clear(_acknowledged);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.CreateAsync();
                Volume volume = await PoolFixture.VolumeAsync(pool);
                await WriteAsync(fixture, volume, first: 0, IoStatus.Ok, () =>
                {
                    faults.IsDead = true;
                    _ = CrashLaterAsync(fixture, (long)seed * 150_000);
                });
            }, mayCrash: true);
            fixture.Crash(CrashMode.DropUnflushed);
            Fault? fault = null;
            fixture.Run(async () => fault = await TryImportAsync(fixture));
            Assert.Contains(fault?.Code, new[] { null, "device-missing", "log-lost" });
            if (logDevices == 2) Assert.NotEqual("log-lost", fault?.Code);
            faults.IsDead = fault is null;
            fixture.Crash(CrashMode.DropUnflushed);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.ImportAsync();
                await VerifyAsync(fixture, pool);
                Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: true));
            });
        }
    }

    [Fact]
    public void An_import_refuses_to_forget_what_only_a_dead_log_device_had()
    {
        using PoolFixture fixture = Fixture(1, logDevices: 1);
        fixture.Run(async () =>
        {
            Volume volume = await PoolFixture.VolumeAsync(await fixture.CreateAsync());
            await WriteAsync(fixture, volume, first: 0, IoStatus.Ok, static () => { });
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Node.Disks[PoolFixture.PathOf(LogDisk)].Faults.IsDead = true;
        fixture.Run(async () =>
        {
            Fault? fault = await TryImportAsync(fixture);
            Assert.Equal("device-missing", fault!.Code);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Node.Disks[PoolFixture.PathOf(LogDisk)].Faults.IsDead = false;
        fixture.Run(async () => await VerifyAsync(fixture, await fixture.ImportAsync()));
    }

    private static PoolFixture Fixture(ulong seed, int logDevices) => new(
        seed, LogDisk + logDevices, 128L << 20,
        [
            new VdevSpec(VdevKind.Raidz1, [.. Enumerable.Range(0, LogDisk).Select(PoolFixture.PathOf)]),
            .. Enumerable.Range(LogDisk, logDevices).Select(
                disk => new VdevSpec(VdevKind.Disk, [PoolFixture.PathOf(disk)], VdevRole.Log)),
        ]);

    private static void Kill(PoolFixture fixture, int disk, DeathKind death)
    {
        DiskFaults faults = fixture.Node.Disks[PoolFixture.PathOf(disk)].Faults;
        if (death == DeathKind.Gone) faults.IsDead = true;
        if (death == DeathKind.WriteErrors) faults.WriteError = 1;
        if (death == DeathKind.FlushErrors) faults.FlushError = 1;
        if (death == DeathKind.Hangs) faults.Stall = 1;
    }

    private static async ValueTask<Fault?> TryImportAsync(PoolFixture fixture)
    {
        PoolRegistry registry = new(fixture.Loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        return (await registry.ImportAsync(scan.Value.Pools[0], readOnly: false, force: false)).Fault;
    }

    private static async Task CrashLaterAsync(PoolFixture fixture, long nanoseconds)
    {
        await fixture.Loop.DelayAsync(nanoseconds);
        if (fixture.Node.IsUp) fixture.Node.Crash(CrashMode.DropUnflushed);
    }

    // Durable writes by several at a time; in the middle of them, something happens.
    private async ValueTask WriteAsync(
        PoolFixture fixture, Volume volume, int first, IoStatus expected, Action middle)
    {
        int next = first;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => WriterAsync()));

        async Task WriterAsync()
        {
            while (next < first + (Blocks / 2))
            {
                int block = next++;
                if (block == first + (Blocks / 4)) middle();
                byte value = (byte)((block % 250) + 1);
                byte[] bytes = [.. Enumerable.Repeat(value, PoolFixture.BlockBytes)];
                IoStatus status = await fixture.WriteAsync(
                    volume, block * (long)PoolFixture.BlockBytes, bytes, durable: true);
                Assert.Equal(expected, status);
                _acknowledged[block] = value;
            }
        }
    }

    private async ValueTask VerifyAsync(PoolFixture fixture, Pool pool)
    {
        Volume volume = pool.FindVolume("v")!;
        for (int block = 0; block < Blocks; block++)
        {
            if (_acknowledged[block] == 0) continue;
            byte[] bytes = await fixture.ReadAsync(
                volume, block * (long)PoolFixture.BlockBytes, PoolFixture.BlockBytes);
            Assert.Equal(_acknowledged[block], bytes[99]);
        }

        await PoolFixture.AssertCleanAsync(pool);
    }

    /// <summary>How a device ends.</summary>
    public enum DeathKind
    {
        Gone,
        WriteErrors,
        FlushErrors,
        Hangs,
    }
}
