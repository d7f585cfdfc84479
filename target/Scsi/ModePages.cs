using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Cstor.Target.Scsi;

/// <summary>
/// The mode pages, SPC-4 §7.5 and SBC-3 §6.5: read-write error recovery (01), caching (08), control (0A),
/// informational exceptions (1C) and logical block provisioning (1C, 02). LBPERE is set: that space runs
/// short is reported, and the last page says from when on, as the volume's warn-at has it.
/// </summary>
internal static class ModePages
{
    /// <summary>Page control: which bits MODE SELECT may change.</summary>
    public const int Changeable = 1;

    private const int Defaults = 2;
    private const byte ErrorRecovery = 0x01;
    private const byte Caching = 0x08;
    private const byte Control = 0x0a;
    private const byte Exceptions = 0x1c;
    private const byte ProvisioningSubpage = 0x02;

    /// <summary>THRESHOLD RESOURCE: what of the logical block provisioning log page it watches.</summary>
    private const byte AvailableResources = 0x01;

    public static readonly ImmutableArray<(byte Page, byte Subpage)> All =
        [(ErrorRecovery, 0), (Caching, 0), (Control, 0), (Exceptions, 0), (Exceptions, ProvisioningSubpage)];

    public static bool IsKnown(byte page, byte subpage) => All.Contains((page, subpage));

    /// <summary>Writes a page into cleared memory.</summary>
    /// <param name="unit">Whose.</param>
    /// <param name="which">One of <see cref="All"/>.</param>
    /// <param name="control">Page control: 0 current, 1 changeable, 2 default.</param>
    /// <param name="data">At least 32 bytes.</param>
    /// <returns>Its length.</returns>
    public static int Write(LogicalUnit unit, (byte Page, byte Subpage) which, int control, Span<byte> data)
    {
        ModeParameters modes = unit.Modes;
        bool mask = control == Changeable;
        bool defaults = control == Defaults;
        data[0] = which.Page;
        if (which.Subpage != 0) return WriteProvisioning(unit, mask, data);
        switch (which.Page)
        {
            case ErrorRecovery:
                data[1] = 0x0a;
                if (!mask) data[2] = data[7] = 0x80;
                return 12;
            case Caching:
                data[1] = 0x12;
                if (mask || defaults || modes.WriteCache) data[2] = 0x04;
                return 20;
            case Control:
                data[1] = 0x0a;
                if (mask || (!defaults && modes.DescriptorSense)) data[2] = 0x04;
                if (!mask) data[3] = 0x10;
                if (mask || (!defaults && modes.SoftwareWriteProtect)) data[4] = 0x08;
                if (!mask) data[8] = data[9] = 0xff;
                return 12;
            default:
                data[1] = 0x0a;
                if (!mask) data[2] = 0x08;
                return 12;
        }
    }

    /// <summary>Takes over what a page from the initiator says.</summary>
    public static void Take(byte page, ReadOnlySpan<byte> bytes, ModeParameters changed)
    {
        if (page == Caching) changed.WriteCache = (bytes[2] & 0x04) != 0;
        if (page != Control) return;
        changed.DescriptorSense = (bytes[2] & 0x04) != 0;
        changed.SoftwareWriteProtect = (bytes[4] & 0x08) != 0;
    }

    /// <summary>One soft threshold, armed decreasing; not enabled without warn-at.</summary>
    private static int WriteProvisioning(LogicalUnit unit, bool mask, Span<byte> data)
    {
        const int length = 24;
        data[0] |= 0x40;
        data[1] = ProvisioningSubpage;
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], length - 4);
        if (mask) return length;
        Span<byte> threshold = data[16..];
        long warnAt = unit.Volume.Room is { } room ? room.WarnAtBytes : 0;
        if (warnAt > 0) threshold[0] = 0x80;
        threshold[1] = AvailableResources;
        BinaryPrimitives.WriteUInt32BigEndian(threshold[4..], LogCommands.ThresholdSets(warnAt));
        return length;
    }
}
