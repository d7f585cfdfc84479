using Cstor.Target.Scsi;
using Xunit;

namespace Cstor.Tests.Target.Scsi;

public sealed class PortGroupTests
{
    [Fact]
    public void One_group_with_one_port_is_active_and_optimized() => TargetFixture.Run(
        async (_, initiator) =>
        {
            Assert.Equal(0x18, (await initiator.ReadAsync(Cdb.Inquiry(), 96)).Data[5]);
            byte[] groups = (await initiator.ReadAsync(Report(0), 255)).Data;
            Assert.Equal([0, 0, 0, 12, 0, 0x8f, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1], groups);
            byte[] extended = (await initiator.ReadAsync(Report(1), 255)).Data;
            Assert.Equal((16, 0x10), (extended[3], extended[4]));
            Assert.Equal(groups[4..], extended[8..]);
            Assert.Equal(0x052400, (await initiator.ReadAsync(Report(2), 255)).SenseCode);
            byte[] ports = (await initiator.ReadAsync(Cdb.Inquiry(0x88), 255)).Data;
            Assert.Equal((1, ports.Length - 16), (ports[7], ports[15]));
        });

    [Theory]
    [InlineData((int)AccessState.Standby, 0x02040b)]
    [InlineData((int)AccessState.Unavailable, 0x02040c)]
    [InlineData((int)AccessState.Transitioning, 0x02040a)]
    public void A_unit_served_from_elsewhere_takes_what_needs_no_medium(int state, int sense)
    {
        MemoryVolume volume = new("tank/db", 1 << 20);
        LogicalUnit unit = new(volume, "iqn.x", 512);
        Nexus nexus = new("iqn.y", 1);
        unit.Attach(nexus);
        nexus.TakeAttention();
        unit.Ports.Change((AccessState)state);
        Assert.Equal(Sense.AccessStateChanged, nexus.TakeAttention());
        unit.Ports.Change((AccessState)state);
        Assert.False(nexus.HasAttention);
        foreach (byte[] cdb in new byte[][] { Cdb.Inquiry(), Report(0), [0x5e, 1, 0, 0, 0, 0, 0, 0, 8, 0] })
            Assert.Null(unit.Ports.Refusal(CommandTable.Find(cdb)!));
        foreach (byte[] cdb in new[] { Cdb.Ten(0x28, 0, 1), Cdb.Ten(0x2a, 0, 1), Cdb.TestUnitReady })
        {
            Sense refusal = unit.Ports.Refusal(CommandTable.Find(cdb)!)!.Value;
            Assert.Equal(sense, refusal.Key << 16 | refusal.Asc << 8 | refusal.Ascq);
        }

        unit.Ports.Change(AccessState.ActiveNonOptimized);
        Assert.Null(unit.Ports.Refusal(CommandTable.Find(Cdb.Ten(0x28, 0, 1))!));
    }

    [Fact]
    public void The_task_attribute_aca_is_refused() => TargetFixture.Run(async (_, initiator) =>
    {
        Pdu ready = initiator.Command(Cdb.TestUnitReady, 0, false, false);
        ready.Header[1] = (byte)((ready.Header[1] & 0xf8) | 4);
        await initiator.SendAsync(ready);
        Assert.Equal(0x0b4900, (await initiator.AnswerAsync(ready.TaskTag, [])).SenseCode);
    });

    private static byte[] Report(int format) =>
        [0xa3, (byte)(format << 5 | 0x0a), 0, 0, 0, 0, 0, 0, 0, 255, 0, 0];
}
