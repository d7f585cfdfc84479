using System.Buffers.Binary;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

public sealed class WriteAtomicTests
{
    [Fact]
    public void Whole_volume_blocks_up_to_the_limit_are_written_at_once() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            fixture.Volume.AtomicBytes = 65536;
            byte[] limits = (await initiator.ReadAsync(Cdb.Inquiry(0xb0), 255)).Data;
            Assert.Equal((128u, 8u, 8u), (At(limits, 44), At(limits, 48), At(limits, 52)));
            byte[] data = TargetFixture.Pattern(65536);
            Assert.True((await initiator.WriteAsync(Atomic(8, 128), data)).IsGood);
            Assert.Equal(data, (await initiator.ReadAsync(Cdb.Ten(0x28, 8, 128), data.Length)).Data);
            Assert.Equal((1, 0), (fixture.Volume.AtomicWrites, fixture.Volume.DurableWrites));
            Assert.True((await initiator.WriteAsync(Atomic(8, 8, 0x08), data[..4096])).IsGood);
            Assert.Equal(1, fixture.Volume.DurableWrites);
            Assert.True((await initiator.ReadAsync(Atomic(0, 0))).IsGood);
        });

    [Theory]
    [InlineData(1, 8, 0, 2)]
    [InlineData(0, 7, 0, 12)]
    [InlineData(0, 136, 0, 12)]
    [InlineData(0, 8, 1, 11)]
    public void What_cannot_be_atomic_is_refused(ulong lba, ushort blocks, byte boundary, int field) =>
        TargetFixture.Run(async (fixture, initiator) =>
        {
            fixture.Volume.AtomicBytes = 65536;
            byte[] cdb = Atomic(lba, blocks);
            cdb[11] = boundary;
            ScsiAnswer refused = await initiator.WriteAsync(cdb, new byte[blocks * 512]);
            Assert.Equal((0x052400, field), (refused.SenseCode, refused.FieldByte));
            Assert.Equal(0x050e03, (await initiator.WriteAsync(Atomic(0, 16), new byte[4096])).SenseCode);
            Assert.Equal(0, fixture.Volume.Writes);
        });

    [Fact]
    public void A_volume_that_promises_nothing_offers_nothing() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Assert.Equal(0u, At((await initiator.ReadAsync(Cdb.Inquiry(0xb0), 255)).Data, 44));
            Assert.Equal(0x052000, (await initiator.WriteAsync(Atomic(0, 8), new byte[4096])).SenseCode);
        });

    private static uint At(byte[] page, int at) => BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(at));

    private static byte[] Atomic(ulong lba, ushort blocks, byte flags = 0)
    {
        byte[] cdb = Cdb.Sixteen(0x9c, lba, 0, flags);
        BinaryPrimitives.WriteUInt16BigEndian(cdb.AsSpan(12), blocks);
        return cdb;
    }
}
