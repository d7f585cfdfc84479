using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Host.Linux;

public sealed class LoopDeviceTests
{
    private const long SizeBytes = 16 * 1024 * 1024;

    [ToolFact("losetup")]
    public void A_block_device_is_written_flushed_read_and_discarded()
    {
        using var device = new LoopDevice(SizeBytes + 512);
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisk disk = (await fixture.Loop.Disks.OpenAsync(device.DevicePath, DiskAccess.ReadWrite)).Value;
            Assert.Equal(SizeBytes, disk.SizeBytes);
            Assert.InRange(disk.LogicalSectorBytes, 512, 4096);
            Assert.InRange(disk.PhysicalSectorBytes, disk.LogicalSectorBytes, 65536);
            IoBuffer buffer = fixture.Loop.Buffers.Rent(65536);
            new Random(2).NextBytes(buffer.Span);
            byte[] expected = buffer.Span.ToArray();
            Assert.Equal(IoStatus.Ok, await disk.WriteAsync(SizeBytes - 65536, buffer.First(65536)));
            Assert.Equal(IoStatus.Ok, await disk.FlushAsync());
            buffer.Span.Clear();
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(SizeBytes - 65536, buffer.First(65536)));
            Assert.Equal(expected, buffer.Span.ToArray());

            Assert.True(disk.SupportsDiscard);
            Assert.Equal(IoStatus.Ok, await disk.DiscardAsync(SizeBytes - 65536, 32768));
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(SizeBytes - 65536, buffer.First(65536)));
            Assert.False(buffer.Span[..32768].ContainsAnyExcept((byte)0));
            Assert.True(buffer.Span[32768..].SequenceEqual(expected.AsSpan(32768)));
            buffer.Release();
            await disk.CloseAsync();
        });
    }

    [ToolFact("losetup")]
    public void A_block_device_is_ours_alone_and_its_backing_file_is_refused()
    {
        using var device = new LoopDevice(SizeBytes);
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            IDisks disks = fixture.Loop.Disks;
            IDisk disk = (await disks.OpenAsync(device.DevicePath, DiskAccess.ReadWrite)).Value;
            Outcome<IDisk> second = await disks.OpenAsync(device.DevicePath, DiskAccess.ReadWrite);
            Assert.Equal("device-in-use", second.Fault?.Code);
            Assert.StartsWith(device.DevicePath, second.Fault!.Message, StringComparison.Ordinal);
            Outcome<IDisk> backing = await disks.OpenAsync(device.BackingFile, DiskAccess.ReadWrite);
            Assert.Contains(
                $"attached to {device.DevicePath}", backing.Fault?.Message, StringComparison.Ordinal);

            DiskDescription listed = (await disks.ListAsync(
                )).Single(entry => entry.Path == device.DevicePath);
            Assert.Equal(SizeBytes, listed.SizeBytes);
            Assert.Equal("in use by another program or mount", listed.InUseBy);
            Assert.Contains(device.DevicePath, (await disks.CandidatesAsync(null)).Value);
            await disk.CloseAsync();
            listed = (await disks.ListAsync()).Single(entry => entry.Path == device.DevicePath);
            Assert.Null(listed.InUseBy);
            Assert.Equal(device.BackingFile, listed.Model);
        });
    }

    [ToolFact("losetup")]
    public void A_read_only_device_is_refused_for_writing()
    {
        using var device = new LoopDevice(SizeBytes, readOnly: true);
        using var fixture = new LoopFixture();
        fixture.Run(async () =>
        {
            Outcome<IDisk> disk = await fixture.Loop.Disks.OpenAsync(device.DevicePath, DiskAccess.ReadWrite);
            Assert.Equal("device-readonly", disk.Fault?.Code);
            DiskDescription listed =
                (await fixture.Loop.Disks.ListAsync()).Single(entry => entry.Path == device.DevicePath);
            Assert.Equal("read-only", listed.InUseBy);
        });
    }

    [ToolFact("losetup", "mkfs.ext4", "mount")]
    public void A_mounted_device_is_refused_by_its_mount_point()
    {
        using var device = new LoopDevice(SizeBytes);
        string directory = Directory.CreateTempSubdirectory("cstor mount ").FullName;
        try
        {
            Shell.Run("mkfs.ext4", "-q", "-F", device.DevicePath);
            Shell.Run("mount", device.DevicePath, directory);
            using var fixture = new LoopFixture();
            fixture.Run(async () =>
            {
                IDisks disks = fixture.Loop.Disks;
                Outcome<IDisk> disk = await disks.OpenAsync(device.DevicePath, DiskAccess.ReadWrite);
                Assert.Equal($"{device.DevicePath}: is mounted on {directory}", disk.Fault?.Message);
                DiskDescription listed =
                    (await disks.ListAsync()).Single(entry => entry.Path == device.DevicePath);
                Assert.Equal($"mounted on {directory}", listed.InUseBy);
                IDisk reader = (await disks.OpenAsync(device.DevicePath, DiskAccess.ReadOnly)).Value;
                await reader.CloseAsync();
            });
        }
        finally
        {
            Shell.Run("umount", directory);
            Directory.Delete(directory);
        }
    }
}
