using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class LinuxDiskTests : IDisposable
{
    private const int FileBytes = 8 * 1024 * 1024;

    // Not the system's temporary directory, which may be in memory.
    private readonly string _path = Path.Combine(AppContext.BaseDirectory, $"disk-{Guid.NewGuid():N}.img");

    public LinuxDiskTests()
    {
        using FileStream file = File.Create(_path);
        file.SetLength(FileBytes + 1000);
    }

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_file_is_opened_with_its_size_rounded_down()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            Assert.Equal(FileBytes, disk.SizeBytes);
            Assert.Equal(_path, disk.Path);
            Assert.InRange(disk.LogicalSectorBytes, 512, 4096);
            await disk.CloseAsync();
        });
    }

    [Fact]
    public void What_was_written_is_read_back_by_single_and_vectored_requests()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            IoBuffer source = fixture.Loop.Buffers.Rent(1024 * 1024);
            IoBuffer target = fixture.Loop.Buffers.Rent(1024 * 1024);
            new Random(1).NextBytes(source.Span);

            Assert.Equal(IoStatus.Ok, await disk.WriteAsync(4096, source.First(64 * 1024)));
            Assert.Equal(IoStatus.Ok, await disk.WriteAsync(128 * 1024, Scatter(source, 256)));
            Assert.Equal(IoStatus.Ok, await disk.FlushAsync());

            target.Span.Clear();
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(4096, target.First(64 * 1024)));
            Assert.True(source.Span[..65536].SequenceEqual(target.Span[..65536]));

            // 256 pages written in reverse order of memory, read back likewise, then checked in straight
            // order.
            target.Span.Clear();
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(128 * 1024, Scatter(target, 256)));
            Assert.True(source.Span.SequenceEqual(target.Span));
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(128 * 1024, target.First(4096)));
            Assert.True(source.Span[^4096..].SequenceEqual(target.Span[..4096]));

            source.Release();
            target.Release();
            await disk.CloseAsync();
            Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
        });
    }

    [Fact]
    public void Many_requests_run_at_once_and_each_gets_its_own_data()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            const int count = 1500;
            var buffers = new IoBuffer[count];
            var writes = new ValueTask<IoStatus>[count];
            for (int i = 0; i < count; i++)
            {
                buffers[i] = fixture.Loop.Buffers.Rent(4096);
                buffers[i].Span.Fill(unchecked((byte)(i * 7)));
                writes[i] = disk.WriteAsync(i * 4096L, buffers[i].First(4096));
            }

            for (int i = 0; i < count; i++) Assert.Equal(IoStatus.Ok, await writes[i]);
            for (int i = 0; i < count; i++) buffers[i].Span.Clear();
            for (int i = 0; i < count; i++) writes[i] = disk.ReadAsync(i * 4096L, buffers[i].First(4096));
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(IoStatus.Ok, await writes[i]);
                Assert.False(buffers[i].Span[..4096].ContainsAnyExcept(unchecked((byte)(i * 7))));
                buffers[i].Release();
            }

            await disk.CloseAsync();
        });
    }

    [Fact]
    public void A_discarded_range_of_a_file_reads_as_zeroes()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            Assert.True(disk.SupportsDiscard);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(16384);
            buffer.Span.Fill(0xA5);
            Assert.Equal(IoStatus.Ok, await disk.WriteAsync(0, buffer.First(16384)));
            Assert.Equal(IoStatus.Ok, await disk.DiscardAsync(4096, 8192));
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(0, buffer.First(16384)));
            Assert.False(buffer.Span[..4096].ContainsAnyExcept((byte)0xA5));
            Assert.False(buffer.Span[4096..12288].ContainsAnyExcept((byte)0));
            Assert.False(buffer.Span[12288..16384].ContainsAnyExcept((byte)0xA5));
            buffer.Release();
            await disk.CloseAsync();
        });
    }

    [Fact]
    public void Requests_outside_the_disk_on_a_closed_disk_or_writing_to_a_read_only_one_are_refused()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadOnly);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(8192);
            IoSlice two = buffer.First(8192);
            Assert.Equal(IoStatus.OutOfRange, await disk.ReadAsync(FileBytes - 4096, two));
            Assert.Equal(IoStatus.OutOfRange, await disk.ReadAsync(-4096, two));
            Assert.Equal(IoStatus.OutOfRange, await disk.ReadAsync(long.MaxValue & ~4095L, two));
            Assert.Equal(IoStatus.ReadOnly, await disk.WriteAsync(0, two));
            Assert.Equal(IoStatus.ReadOnly, await disk.DiscardAsync(0, 4096));
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(FileBytes - 8192, two));
            await disk.CloseAsync();
            await disk.CloseAsync();
            Assert.Equal(IoStatus.DeviceGone, await disk.ReadAsync(0, two));
            buffer.Release();
        });
    }

    [Fact]
    public void A_file_that_shrank_under_us_gives_an_error_and_not_stale_memory()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            Truncate(_path, 65536);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(131072);
            Assert.Equal(IoStatus.DeviceError, await disk.ReadAsync(0, buffer.First(131072)));
            Assert.Equal(IoStatus.DeviceError, await disk.ReadAsync(1024 * 1024, buffer.First(4096)));
            buffer.Release();
            await disk.CloseAsync();
        });
    }

    [Fact]
    public void Close_waits_for_what_is_under_way()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(1024 * 1024);
            bool written = false;
            ValueTask writing = WriteAsync();
            await disk.CloseAsync();
            Assert.True(written);
            await writing;
            buffer.Release();

            async ValueTask WriteAsync()
            {
                Assert.Equal(IoStatus.Ok, await disk.WriteAsync(0, buffer.First(1024 * 1024)));
                written = true;
            }
        });
    }

    [Fact]
    public void A_second_opening_for_writing_is_refused_by_name_and_reading_is_shared()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            Outcome<IDisk> second = await fixture.Loop.Disks.OpenAsync(_path, DiskAccess.ReadWrite);
            Assert.Equal("device-in-use", second.Fault?.Code);
            Assert.Contains(_path, second.Fault!.Message, StringComparison.Ordinal);
            IDisk reader = await OpenAsync(fixture, DiskAccess.ReadOnly);
            await reader.CloseAsync();
            await disk.CloseAsync();
            disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            await disk.CloseAsync();
        });
    }

    [Theory]
    [InlineData("/nonexistent/disk", "device-missing")]
    [InlineData("/dev/null", "not-a-device")]
    [InlineData("/", "not-a-device")]
    [InlineData("/proc/version", "no-direct-io")]
    public void What_cannot_be_a_disk_is_refused_by_name_and_reason(string path, string code)
    {
        using var fixture = new LoopFixture();
        Fault? fault = fixture.Run(
            async () => (await fixture.Loop.Disks.OpenAsync(path, DiskAccess.ReadOnly)).Fault);
        Assert.Equal(code, fault?.Code);
        Assert.StartsWith(path, fault!.Message, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Remedy);
    }

    [Fact]
    public void Requests_allocate_nothing_once_warm()
    {
        using var fixture = new LoopFixture();
        long allocated = fixture.Run(async () =>
        {
            IDisk disk = await OpenAsync(fixture, DiskAccess.ReadWrite);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(16384);
            await HammerAsync(disk, buffer, 1000);
            long start = GC.GetAllocatedBytesForCurrentThread();
            await HammerAsync(disk, buffer, 10_000);
            long end = GC.GetAllocatedBytesForCurrentThread();
            buffer.Release();
            await disk.CloseAsync();
            return end - start;
        });
        // The two async methods above are not pooled.
        Assert.InRange(allocated, 0, 1000);
    }

    [Fact]
    public void Candidates_are_the_files_of_a_directory_or_the_named_file_itself()
    {
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisks disks = fixture.Loop.Disks;
            Assert.Contains(_path, (await disks.CandidatesAsync(AppContext.BaseDirectory)).Value);
            Assert.Equal([_path], (await fixture.Loop.Disks.CandidatesAsync(_path)).Value);
            Assert.Equal(
                "device-missing", (await fixture.Loop.Disks.CandidatesAsync("/nonexistent")).Fault?.Code);
        });
    }

    private static async ValueTask HammerAsync(IDisk disk, IoBuffer buffer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            IoStatus status = (i % 3) switch
            {
                0 => await disk.WriteAsync(i % 100 * 4096, buffer.First(4096)),
                1 => await disk.ReadAsync(i % 100 * 4096, buffer.First(4096)),
                _ => await disk.ReadAsync(
                    i % 100 * 4096, [buffer.First(4096), buffer.Slice.Slice(8192, 4096)]),
            };
            if (status != IoStatus.Ok) throw new InvalidOperationException($"{status}");
        }
    }

    private static void Truncate(string path, long lengthBytes)
    {
        // Not by FileStream, whose own lock is in the way.
        using var truncate = System.Diagnostics.Process.Start("truncate", ["-s", $"{lengthBytes}", path]);
        truncate.WaitForExit();
        Assert.Equal(0, truncate.ExitCode);
    }

    private static IoSlice[] Scatter(IoBuffer buffer, int pages) =>
        [.. Enumerable.Range(0, pages).Select(page => buffer.Slice.Slice((pages - 1 - page) * 4096, 4096))];

    private async ValueTask<IDisk> OpenAsync(LoopFixture fixture, DiskAccess access)
    {
        Outcome<IDisk> opened = await fixture.Loop.Disks.OpenAsync(_path, access);
        Assert.Null(opened.Fault);
        return opened.Value;
    }
}
