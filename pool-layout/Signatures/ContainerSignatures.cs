namespace Cstor.PoolLayout.Signatures;

/// <summary>
/// What takes a device to make others of it: RAID, volume managers, encryption, caches, replication.
/// </summary>
internal static class ContainerSignatures
{
    private const uint RaidMagic = 0xA92B4EFC;

    private const string BcacheMagic =
        "\u00C6\u0085\u0073\u00F6\u004E\u001A\u0045\u00CA\u0082\u0065\u00F5\u007F\u0048\u00BA\u006D\u0081";

    private const string BcachefsMagic =
        "\u00C6\u0085\u0073\u00F6\u0066\u00CE\u0090\u00A9\u00D9\u006A\u0060\u00CF\u0080\u003D\u00F7\u00EF";

    private static readonly MagicBytes[] Known =
    [
        new(0, "LUKS\u00BA\u00BE\0\u0001", "a LUKS1 encrypted volume"),
        new(0, "LUKS\u00BA\u00BE\0\u0002", "a LUKS2 encrypted volume"),
        new(0x4000, "SKUL\u00BA\u00BE", "a LUKS2 encrypted volume (second header)"),
        new(0x8000, "SKUL\u00BA\u00BE", "a LUKS2 encrypted volume (second header)"),
        new(0x10000, "SKUL\u00BA\u00BE", "a LUKS2 encrypted volume (second header)"),
        new(3, "-FVE-FS-", "a BitLocker volume"),
        new(4096 + 24, BcacheMagic, "a bcache device or a bcachefs file system"),
        new(4096 + 24, BcachefsMagic, "a bcachefs file system"),
        new(-(1024 * 1024) + 24, BcachefsMagic, "a bcachefs file system"),
        new(0, "bluestore block device", "a Ceph BlueStore device"),
        new(0, "SPDKBLOB", "an SPDK blobstore"),
        new(0, "dmvdo001", "a VDO volume"),
        new(0, "verity\0\0", "a dm-verity hash tree"),
        new(512 + 4, "!Stra0tis\u0086\u00FF\u0002^\u0041rh", "a Stratis pool member"),
        new(4608 + 4, "!Stra0tis\u0086\u00FF\u0002^\u0041rh", "a Stratis pool member"),
        new(32, "ORCLDISK", "an Oracle ASM disk"),
        new(-4096 + 60, "\u0083\u0074\u0002\u006B", "DRBD metadata"),
        new(-4096 + 60, "\u0083\u0074\u0002\u006C", "DRBD metadata"),
        new(-4096 + 60, "\u0083\u0074\u0002\u006D", "DRBD metadata"),
        new(-1024, "Intel Raid ISM Cfg Sig. ", "a member of an Intel RAID"),
        new(-8192, "Intel Raid ISM Cfg Sig. ", "a member of an Intel RAID"),
        new(-512, "\u00DE\u0011\u00DE\u0011", "a member of a DDF RAID"),
    ];

    internal static string? Find(in DeviceEnds ends) =>
        LinuxRaid(ends) ?? LogicalVolume(ends) ?? ends.FirstOf(Known);

    /// <summary>
    /// mdraid: version 1 has its superblock 8 to 12 KiB from the end (1.0), at the start (1.1) or at 4 KiB
    /// (1.2); version 0.90 in the last whole 64 KiB, in the byte order of its host.
    /// </summary>
    private static string? LinuxRaid(in DeviceEnds ends)
    {
        if (IsRaid1(ends, (ends.DeviceBytes & ~4095L) - 8192)) return "a Linux RAID member (mdraid 1.0)";
        if (IsRaid1(ends, 0)) return "a Linux RAID member (mdraid 1.1)";
        if (IsRaid1(ends, 4096)) return "a Linux RAID member (mdraid 1.2)";
        long old = (ends.DeviceBytes & ~65535L) - 65536;
        bool isOld = ends.Little32(old) == RaidMagic && ends.Little32(old + 4) == 0;
        isOld |= ends.Big32(old) == RaidMagic && ends.Big32(old + 4) == 0;
        return isOld ? "a Linux RAID member (mdraid 0.90)" : null;
    }

    private static bool IsRaid1(in DeviceEnds ends, long offset) =>
        ends.Little32(offset) == RaidMagic && ends.Little32(offset + 4) == 1;

    /// <summary>LVM2 labels one of the first four sectors.</summary>
    private static string? LogicalVolume(in DeviceEnds ends)
    {
        for (int sector = 0; sector < 4; sector++)
        {
            if (ends.Has(512 * sector, "LABELONE") && ends.Has((512 * sector) + 24, "LVM2 "))
                return "an LVM physical volume";
        }

        return null;
    }
}
