using System.Buffers.Binary;
using Cstor.Engine.Volumes;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

/// <summary>How much room there is, and from when on it is short.</summary>
public sealed class ProvisioningPageTests
{
    private const long Mebibyte = 1 << 20;

    [Fact]
    public void The_log_page_counts_room_in_threshold_sets() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Assert.Equal([0, 0, 0, 1, 0], (await initiator.ReadAsync(LogSense(0, 0), 255)).Data);
            Assert.Equal(0x052400, (await initiator.ReadAsync(LogSense(0x0c, 0), 255)).SenseCode);
            fixture.Volume.Room = new VolumeRoom(700 * Mebibyte, 30 * Mebibyte, 100 * Mebibyte);
            Assert.Equal([0, 0, 0, 2, 0, 0x0c], (await initiator.ReadAsync(LogSense(0, 0), 255)).Data);
            Assert.Equal(
                [0x40, 0xff, 0, 6, 0, 0, 0, 0xff, 0x0c, 0],
                (await initiator.ReadAsync(LogSense(0, 0xff), 255)).Data);
            byte[] page = (await initiator.ReadAsync(LogSense(0x0c, 0), 255)).Data;
            Assert.Equal((0x8c, 24, 28), (page[0], page[3], page.Length));
            Assert.Equal([0, 1, 3, 8, 0, 0, 700 >> 8, 700 & 255, 2, 0, 0, 0], page[4..16]);
            Assert.Equal([0, 2, 3, 8, 0, 0, 0, 30, 1, 0, 0, 0], page[16..]);
            byte[] second = (await initiator.ReadAsync(LogSense(0x0c, 0, first: 2), 255)).Data;
            Assert.Equal(page[16..], second[4..]);
            Assert.Equal(0x052400, (await initiator.ReadAsync(LogSense(0x0c, 0, first: 3), 255)).SenseCode);
            Assert.Equal(0x052400, (await initiator.ReadAsync(LogSense(0x0d, 0), 255)).SenseCode);
            Assert.Equal(11, (await initiator.ReadAsync(Cdb.Inquiry(0xb2), 255)).Data[4]);
        });

    [Fact]
    public void The_mode_page_has_the_threshold_of_warn_at() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            Assert.Equal(0, (await PageAsync(initiator, 0))[16]);
            fixture.Volume.Room = new VolumeRoom(700 * Mebibyte, 30 * Mebibyte, 100 * Mebibyte);
            byte[] page = await PageAsync(initiator, 0);
            Assert.Equal((0x5c, 2, 20, 24), (page[0], page[1], page[3], page.Length));
            Assert.Equal((0x80, 1), (page[16], page[17]));
            Assert.Equal(100u, BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(20)));
            Assert.True((await PageAsync(initiator, 1)).AsSpan(4).IndexOfAnyExcept((byte)0) < 0);
        });

    [Fact]
    public void Subpages_are_sensed_with_and_without_their_page() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Assert.Equal([0x1c], Codes(await ModeAsync(initiator, 0x1c, 0)));
            Assert.Equal([0x1c, 0x5c], Codes(await ModeAsync(initiator, 0x1c, 0xff)));
            Assert.Equal([0x01, 0x08, 0x0a, 0x1c], Codes(await ModeAsync(initiator, 0x3f, 0)));
            Assert.Equal([0x01, 0x08, 0x0a, 0x1c, 0x5c], Codes(await ModeAsync(initiator, 0x3f, 0xff)));
            Assert.Equal(0x052400,
                (await initiator.ReadAsync([0x1a, 8, 0x1c, 3, 255, 0], 255)).SenseCode);
        });

    private static byte[] LogSense(byte page, byte subpage, byte first = 0) =>
        [0x4d, 0, page, subpage, 0, 0, first, 0, 255, 0];

    private static async ValueTask<byte[]> ModeAsync(TestInitiator initiator, byte page, byte subpage) =>
        (await initiator.ReadAsync([0x1a, 8, page, subpage, 255, 0], 255)).Data[4..];

    private static async ValueTask<byte[]> PageAsync(TestInitiator initiator, int control) =>
        (await initiator.ReadAsync([0x1a, 8, (byte)(control << 6 | 0x1c), 2, 255, 0], 255)).Data[4..];

    private static byte[] Codes(byte[] pages)
    {
        var codes = new List<byte>();
        for (int at = 0; at < pages.Length;)
        {
            codes.Add(pages[at]);
            at += (pages[at] & 0x40) != 0 ? 4 + (pages[at + 2] << 8 | pages[at + 3]) : 2 + pages[at + 1];
        }

        return [.. codes];
    }
}
