using System.Buffers.Binary;
using Cstor.Target;
using Cstor.Target.Scsi;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

/// <summary>EXTENDED COPY and what is asked about it.</summary>
public sealed class CopyTests
{
    private const string OtherIqn = "iqn.2026-11.io.cstor:tank.other";
    private static readonly Guid OtherId = new("7c1d2f30-0000-4a00-8000-0123456789ab");

    [Fact]
    public void Blocks_are_copied_within_a_unit_and_holes_are_made() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            byte[] data = TargetFixture.Pattern(64 * 512);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 0, 64), data);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 1000 * 8, 256), TargetFixture.Pattern(256 * 512, 2));
            (byte[] cdb, byte[] list) = Copy(
                1, 0, [UnitDesignator.NaaOf(fixture.Volume.Id)], [(0, 0, 128, 0, 8000)]);
            int writes = fixture.Volume.Writes;
            Assert.True((await initiator.WriteAsync(cdb, list)).IsGood);
            byte[] copied = (await initiator.ReadAsync(Cdb.Ten(0x28, 8000, 256), 256 * 512)).Data;
            Assert.Equal(data, copied[..data.Length]);
            Assert.Equal(new byte[64 * 512], copied[data.Length..(128 * 512)]);
            Assert.Equal(TargetFixture.Pattern(256 * 512, 2)[(128 * 512)..], copied[(128 * 512)..]);
            Assert.Equal(8, fixture.Volume.Writes - writes);

            byte[] status = (await initiator.ReadAsync(Results(0, 1), 255)).Data;
            Assert.Equal([0, 0, 0, 8, 1, 0, 1, 1, 0, 0, 0, 64], status);
            Assert.Equal(0x052400, (await initiator.ReadAsync(Results(0, 1), 255)).SenseCode);
        });

    [Fact]
    public void Blocks_are_copied_to_a_unit_that_the_initiator_is_logged_in_to()
    {
        using TargetFixture fixture = new();
        fixture.RunBare(async () =>
        {
            MemoryVolume other = new("tank/other", 1 << 20) { Id = OtherId };
            Assert.True(fixture.Server.AddTarget(new TargetDefinition(OtherIqn, other)).IsOk);
            TestInitiator initiator = await fixture.LoggedInAsync();
            byte[] data = TargetFixture.Pattern(16 * 512);
            await initiator.WriteAsync(Cdb.Ten(0x2a, 8, 16), data);
            UnitDesignator[] both = [UnitDesignator.UuidOf(fixture.Volume.Id), UnitDesignator.NaaOf(OtherId)];
            (byte[] cdb, byte[] list) = Copy(1, 2, both, [(0, 1, 16, 8, 32)]);
            Assert.Equal(0x0a0804, (await initiator.WriteAsync(cdb, list)).SenseCode);

            TestInitiator there = await fixture.ConnectAsync();
            Assert.Equal(0, await there.LoginAsync(OtherIqn));
            await there.SettleAsync();
            Assert.True((await initiator.WriteAsync(cdb, list)).IsGood);
            Assert.Equal(data, (await there.ReadAsync(Cdb.Ten(0x28, 32, 16), data.Length)).Data);
            Assert.Equal(0x052400, (await initiator.ReadAsync(Results(0, 1), 255)).SenseCode);

            TestInitiator third = await fixture.ConnectAsync();
            Assert.Equal(0, await third.LoginAsync(OtherIqn, "iqn.test:three"));
            await third.SettleAsync();
            Assert.True((await third.ReadAsync([0x16, 0, 0, 0, 0, 0])).IsGood);
            Assert.Equal(0x18, (await initiator.WriteAsync(cdb, list)).Status);
        });
    }

    [Theory]
    [InlineData(0, 0xe0, 0x052607)]
    [InlineData(32, 0x03, 0x052609)]
    [InlineData(31, 0x01, 0x052600)]
    [InlineData(39, 0x01, 0x0a0804)]
    [InlineData(52, 0x01, 0x0a0000)]
    [InlineData(35, 0x10, 0x052600)]
    public void A_list_that_is_wrong_somewhere_copies_nothing(int at, byte value, int sense) =>
        TargetFixture.Run(async (fixture, initiator) =>
        {
            (byte[] cdb, byte[] list) = Copy(
                1, 0, [UnitDesignator.NaaOf(fixture.Volume.Id)], [(0, 0, 8, 0, 64)]);
            list[16 + at] = value;
            Assert.Equal(sense, (await initiator.WriteAsync(cdb, list)).SenseCode);
            Assert.Equal((0, 0, 0), (fixture.Volume.Writes, fixture.Volume.Reads, fixture.Volume.Unmaps));
        });

    [Fact]
    public void Lists_that_are_cut_off_or_too_long_are_refused() => TargetFixture.Run(
        async (fixture, initiator) =>
        {
            UnitDesignator unit = UnitDesignator.NaaOf(fixture.Volume.Id);
            (byte[] cdb, byte[] list) = Copy(1, 0, [unit], [(0, 0, 8, 0, 64)]);
            foreach (int bytes in new[] { 15, 47, list.Length - 1 })
            {
                cdb[12] = 0;
                cdb[13] = (byte)bytes;
                Assert.Equal(0x051a00, (await initiator.WriteAsync(cdb, list[..bytes])).SenseCode);
            }

            cdb[13] = 0;
            Assert.True((await initiator.ReadAsync(cdb)).IsGood);
            (cdb, list) = Copy(1, 0, [.. Enumerable.Repeat(unit, 17)], [(0, 0, 8, 0, 64)]);
            Assert.Equal(0x052606, (await initiator.WriteAsync(cdb, list)).SenseCode);
            (cdb, list) = Copy(1, 0, [unit], [.. Enumerable.Repeat((0, 0, 8, 0, 64), 65)]);
            Assert.Equal(0x052608, (await initiator.WriteAsync(cdb, list)).SenseCode);
            (cdb, list) = Copy(
                1, 0, [.. Enumerable.Repeat(unit, 17)], [.. Enumerable.Repeat((0, 0, 8, 0, 64), 70)]);
            Assert.Equal(0x051a00, (await initiator.WriteAsync(cdb, list)).SenseCode);
        });

    [Fact]
    public void The_vital_page_agrees_with_the_operating_parameters() => TargetFixture.Run(
        async (_, initiator) =>
        {
            byte[] parameters = (await initiator.ReadAsync(Results(3, 0), 255)).Data;
            Assert.Equal(parameters.Length - 4, BinaryPrimitives.ReadInt32BigEndian(parameters));
            Assert.Equal((2, 0x02, 0xe4), (parameters[43], parameters[44], parameters[45]));
            byte[] page = (await initiator.ReadAsync(Cdb.Inquiry(0x8f), 255)).Data;
            var kinds = new Dictionary<int, byte[]>();
            for (int at = 4; at < page.Length;)
            {
                int length = BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(at + 2));
                Assert.Equal(0, length % 4);
                int kind = BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(at));
                kinds[kind] = page[(at + 4)..(at + 4 + length)];
                at += 4 + length;
            }

            Assert.Equal([1, 4, 8, 0x8001], kinds.Keys.Order());
            Assert.Equal(parameters[8..16], kinds[4][4..12]);
            Assert.Equal(parameters[16..20], kinds[0x8001][8..12]);
        });

    private static byte[] Results(byte action, byte listId)
    {
        byte[] cdb = Cdb.Sixteen(0x84, 0, 255);
        cdb[1] = action;
        cdb[2] = listId;
        return cdb;
    }

    private static (byte[] Cdb, byte[] List) Copy(
        byte listId, int usage, UnitDesignator[] units,
        (int From, int To, int Blocks, int Lba, int ToLba)[] all)
    {
        byte[] list = new byte[16 + 32 * units.Length + 28 * all.Length];
        list[0] = listId;
        list[1] = (byte)(usage << 3);
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(2), (ushort)(32 * units.Length));
        BinaryPrimitives.WriteInt32BigEndian(list.AsSpan(8), 28 * all.Length);
        int at = 16;
        foreach (UnitDesignator unit in units)
        {
            bool isUuid = unit.Type == UnitDesignator.Uuid;
            Span<byte> target = list.AsSpan(at);
            target[0] = 0xe4;
            target[4] = 1;
            target[5] = unit.Type;
            target[7] = isUuid ? (byte)18 : (byte)8;
            BinaryPrimitives.WriteUInt64BigEndian(target[(isUuid ? 10 : 8)..], unit.High);
            if (isUuid) BinaryPrimitives.WriteUInt64BigEndian(target[18..], unit.Low);
            target[30] = 2;
            at += 32;
        }

        foreach ((int from, int to, int blocks, int lba, int toLba) in all)
        {
            Span<byte> segment = list.AsSpan(at);
            segment[0] = 2;
            segment[3] = 24;
            segment[5] = (byte)from;
            segment[7] = (byte)to;
            BinaryPrimitives.WriteUInt16BigEndian(segment[10..], (ushort)blocks);
            BinaryPrimitives.WriteInt32BigEndian(segment[16..], lba);
            BinaryPrimitives.WriteInt32BigEndian(segment[24..], toLba);
            at += 28;
        }

        byte[] cdb = Cdb.Sixteen(0x83, 0, (uint)list.Length);
        return (cdb, list);
    }
}
