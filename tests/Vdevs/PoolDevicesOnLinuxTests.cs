using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Host.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Vdevs;

/// <summary>What only real files and a real ring can show.</summary>
public sealed class PoolDevicesOnLinuxTests : IDisposable
{
    private static readonly BlockPlace Place = new(0, 64);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("cstor-vdevs-");
    private readonly LoopFixture _fixture = new();

    public void Dispose()
    {
        _fixture.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public void A_device_under_two_names_is_recognized_as_one()
    {
        string file = MakeFile("disk");
        string alias = Path.Combine(_directory.FullName, "alias");
        File.CreateSymbolicLink(alias, file);

        Outcome<PoolDevices> refused = Create(new VdevSpec(VdevKind.Mirror, [file, alias]));

        Assert.Equal($"{alias}: is the same device as {file}", refused.Fault!.Message);
        Assert.Equal(new byte[4096], File.ReadAllBytes(file)[..4096]);
    }

    [Fact]
    public void A_pool_on_files_is_created_found_and_opened()
    {
        VdevSpec mirror = new(VdevKind.Mirror, [MakeFile("a"), MakeFile("b")]);
        VdevSpec disk = new(VdevKind.Disk, [MakeFile("c")]);
        PoolDevices pool = Create(mirror, disk).Value;
        _fixture.Run(async () =>
        {
            Assert.Equal(IoStatus.Ok, await WriteAsync(pool));
            Assert.Equal(IoStatus.Ok, await pool.WriteLabelsAsync(PoolState.Exported));
            await pool.CloseAsync();

            ImportScan scan = await PoolDevices.ScanAsync(
                _fixture.Loop, [.. _directory.GetFiles().Select(file => file.FullName)]);
            Outcome<PoolDevices> opened = await PoolDevices.OpenAsync(
                _fixture.Loop, NullLogger.Instance, Assert.Single(scan.Pools), false, false);
            Assert.True(opened.IsOk, opened.Fault?.ToString());
            for (int copy = 0; copy < 2; copy++)
            {
                IoBuffer buffer = _fixture.Loop.Buffers.Rent(4096);
                Assert.Equal(IoStatus.Ok, await opened.Value.Tree.Vdevs[0].Devices[copy].ReadAsync(
                    PoolDevice.OffsetOf(Place.Sector), buffer.First(4096)));
                Assert.Equal(0x5A, buffer.Span[17]);
                buffer.Release();
            }

            await opened.Value.CloseAsync();
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Reads_writes_and_flushes_allocate_nothing_after_warm_up(int copies)
    {
        string[] paths = [.. Enumerable.Range(0, copies).Select(i => MakeFile($"{i}"))];
        PoolDevices pool = Create(new VdevSpec(copies == 1 ? VdevKind.Disk : VdevKind.Mirror, paths)).Value;
        Storm storm = new(pool, _fixture.Loop);
        long allocatedBytes = _fixture.Run(async () =>
        {
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            await storm.RunAsync(rounds: 200);
            long before = GC.GetAllocatedBytesForCurrentThread();
            await storm.RunAsync(rounds: 500);
            long after = GC.GetAllocatedBytesForCurrentThread();
            await pool.CloseAsync();
            return after - before;
        });

        // 500 rounds of 16 writes, 16 reads and a flush: an allocation in any of them would be tens of
        // kilobytes.
        Assert.InRange(allocatedBytes, 0, 4096);
    }

    private string MakeFile(string name)
    {
        string path = Path.Combine(_directory.FullName, name);
        using FileStream file = File.Create(path);
        file.SetLength(64L << 20);
        return path;
    }

    private Outcome<PoolDevices> Create(params VdevSpec[] specs) => _fixture.Run(async () =>
        await PoolDevices.CreateAsync(
            _fixture.Loop, NullLogger.Instance, "tank", VdevRig.PoolGuid, specs, false, VdevRig.Host));

    private async ValueTask<IoStatus> WriteAsync(PoolDevices pool)
    {
        await RootAsync(pool);
        IoBuffer buffer = _fixture.Loop.Buffers.Rent(4096);
        buffer.Span.Fill(0x5A);
        IoStatus status = await pool.WriteAsync(Place, buffer.First(4096));
        buffer.Release();
        return status == IoStatus.Ok ? await pool.FlushAsync() : status;
    }

    private async ValueTask RootAsync(PoolDevices pool)
    {
        IoBuffer buffer = _fixture.Loop.Buffers.Rent(4096);
        VdevRig.FillRoot(buffer.First(4096).Span, 1);
        Assert.Equal(IoStatus.Ok, await pool.WriteUberblockAsync(buffer.First(4096), 1));
        buffer.Release();
    }
}
