using System.Buffers.Binary;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

public sealed class LbaStatusTests
{
    [Fact]
    public void Descriptors_tell_mapped_from_deallocated_without_a_gap() => TargetFixture.Run(
        async (_, initiator) =>
        {
            await initiator.WriteAsync(Cdb.Ten(0x2a, 16, 24), new byte[24 * 512]);
            (byte[] cdb, byte[] list) = Cdb.Unmap((24, 8));
            await initiator.WriteAsync(cdb, list);
            (ulong, uint, int)[] found = await StatusAsync(initiator, 0, 8 + 16 * 8);
            Assert.Equal(
                [(0, 16, 1), (16, 8, 0), (24, 8, 1), (32, 8, 0), (40, (64 << 11) - 40, 1)], found);
            Assert.Equal([(20ul, 4u, 0)], await StatusAsync(initiator, 20, 24));
            Assert.Equal([(20ul, 4u, 0), (24, 8, 1)], await StatusAsync(initiator, 20, 40));
        });

    [Fact]
    public void Where_space_is_kept_for_all_blocks_holes_are_anchored() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            byte[] block = new byte[512];
            (byte[] cdb, byte[] list) = Cdb.Unmap((0, 8));
            cdb[1] = 1;
            Assert.Equal(0x052400, (await initiator.WriteAsync(cdb, list)).SenseCode);
            Assert.Equal(0x052400, (await initiator.WriteAsync(Cdb.Ten(0x41, 0, 8, 0x18), block)).SenseCode);
            fixture.Volume.IsFullyReserved = true;
            byte[] page = (await initiator.ReadAsync(Cdb.Inquiry(0xb2), 255)).Data;
            Assert.Equal((0xe6, 1), (page[5], page[6]));
            Assert.True((await initiator.WriteAsync(cdb, list)).IsGood);
            Assert.True((await initiator.WriteAsync(Cdb.Ten(0x41, 0, 8, 0x18), block)).IsGood);
            Assert.Equal(0x052400, (await initiator.WriteAsync(Cdb.Ten(0x41, 0, 8, 0x10), block)).SenseCode);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 16, 8), new byte[8 * 512]);
            (ulong, uint, int)[] found = await StatusAsync(initiator, 0, 40);
            Assert.Equal([(0ul, 16u, 2), (16, 8, 0)], found);
        });

    private static async ValueTask<(ulong, uint, int)[]> StatusAsync(
        TestInitiator initiator, ulong lba, int allocation)
    {
        byte[] cdb = Cdb.Sixteen(0x9e, lba, (uint)allocation);
        cdb[1] = 0x12;
        byte[] data = (await initiator.ReadAsync(cdb, allocation)).Data;
        Assert.Equal(data.Length - 4, BinaryPrimitives.ReadInt32BigEndian(data));
        var found = new List<(ulong, uint, int)>();
        for (int at = 8; at < data.Length; at += 16)
            found.Add((BinaryPrimitives.ReadUInt64BigEndian(data.AsSpan(at)),
                BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at + 8)), data[at + 12]));
        return [.. found];
    }
}
