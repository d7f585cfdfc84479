using System.Numerics;

namespace Cstor.PoolLayout.Signatures;

/// <summary>File systems and swap.</summary>
internal static class FileSystemSignatures
{
    private const int ExtSuper = 1024;

    private static readonly MagicBytes[] Known =
    [
        new(0x10040, "_BHRfS_M", "a btrfs file system"),
        new(1024, "\u0010\u0020\u00F5\u00F2", "an F2FS file system"),
        new(1024, "\u00E2\u00E1\u00F5\u00E0", "an EROFS file system"),
        new(3, "NTFS    ", "an NTFS file system"),
        new(3, "EXFAT   ", "an exFAT file system"),
        new(32, "NXSB", "an APFS container"),
        new(0x8000, "JFS1", "a JFS file system"),
        new(0x8001, "CD001", "an ISO 9660 file system"),
        new(0x8801, "NSR02", "a UDF file system"),
        new(0x8801, "NSR03", "a UDF file system"),
        new(0x10034, "ReIsEr2Fs", "a ReiserFS file system"),
        new(0x10034, "ReIsEr3Fs", "a ReiserFS file system"),
        new(0x10034, "ReIsErFs", "a ReiserFS file system"),
        new(0x2034, "ReIsErFs", "a ReiserFS file system"),
        new(0x10000, "ReIsEr4", "a Reiser4 file system"),
        new(0, "hsqs", "a squashfs file system"),
        new(0, "sqsh", "a squashfs file system"),
        new(0, "-rom1fs-", "a romfs file system"),
        new(0, "\u0045\u003D\u00CD\u0028", "a cramfs file system"),
        new(512, "\u0045\u003D\u00CD\u0028", "a cramfs file system"),
        new(0, "SFOZ", "a zonefs file system"),
        new(0x10000, "\u0001\u0016\u0019\u0070", "a GFS2 file system"),
        new(1024, "OCFSV2", "an OCFS2 file system"),
        new(2048, "OCFSV2", "an OCFS2 file system"),
        new(4096, "OCFSV2", "an OCFS2 file system"),
        new(8192, "OCFSV2", "an OCFS2 file system"),
        new(0x255C, "\u0054\u0019\u0001\u0000", "a UFS file system"),
        new(0x255C, "\u0019\u0001\u0054\u0019", "a UFS file system"),
        new(0x1055C, "\u0019\u0001\u0054\u0019", "a UFS2 file system"),
        new(1024 * 1024, "\u000D\u00D0\u0001\u00C0", "a VMFS volume"),
    ];

    private static readonly string[] SwapMagics =
        ["SWAPSPACE2", "SWAP-SPACE", "S1SUSPEND\0", "S2SUSPEND\0", "ULSUSPEND\0", "LINHIB0001"];

    internal static string? Find(in DeviceEnds ends) =>
        Ext(ends) ?? Xfs(ends) ?? ends.FirstOf(Known) ?? Swap(ends) ?? Fat(ends) ?? Hfs(ends) ?? Nilfs(ends);

    /// <summary>The generations of ext share a superblock; the features tell them apart.</summary>
    private static string? Ext(in DeviceEnds ends)
    {
        const uint journalDevice = 0x8;
        const uint ext3Incompatible = 0x2 | 0x4 | 0x10;
        const uint ext3ReadOnlyCompatible = 0x1 | 0x2 | 0x4;
        if (ends.Little16(ExtSuper + 56) != 0xEF53) return null;
        bool plausible = ends.Little32(ExtSuper + 24) <= 6 && ends.Little32(ExtSuper + 76) <= 1
            && ends.Little32(ExtSuper + 4) != 0;
        if (!plausible) return null;
        uint inodesPerGroup = ends.Little32(ExtSuper + 40);
        uint compatible = ends.Little32(ExtSuper + 92);
        uint incompatible = ends.Little32(ExtSuper + 96);
        uint readOnlyCompatible = ends.Little32(ExtSuper + 100);
        if ((incompatible & journalDevice) != 0) return "a journal of an ext4 file system";
        if (inodesPerGroup == 0) return null;
        if ((incompatible & ~ext3Incompatible) != 0 || (readOnlyCompatible & ~ext3ReadOnlyCompatible) != 0)
            return "an ext4 file system";
        return (compatible & 4) != 0 ? "an ext3 file system" : "an ext2 file system";
    }

    private static string? Xfs(in DeviceEnds ends)
    {
        uint blockBytes = ends.Big32(4);
        return ends.Has(0, "XFSB") && blockBytes is >= 512 and <= 65536 && BitOperations.IsPow2(blockBytes)
            ? "an XFS file system"
            : null;
    }

    /// <summary>At the end of the first page, of whatever size the host's pages are.</summary>
    private static string? Swap(in DeviceEnds ends)
    {
        for (int page = 4096; page <= 65536; page *= 2)
        {
            foreach (string magic in SwapMagics)
                if (ends.Has(page - 10, magic)) return "a swap area";
        }

        return null;
    }

    /// <summary>
    /// FAT has no magic number: its boot sector is known by its parameters, or by a string that may lack.
    /// </summary>
    private static string? Fat(in DeviceEnds ends)
    {
        if (ends.Little16(510) != 0xAA55) return null;
        uint sectorBytes = ends.Little16(11);
        byte media = ends.Byte(21);
        bool plausible = ends.Byte(0) is 0xEB or 0xE9
            && sectorBytes is >= 512 and <= 4096 && BitOperations.IsPow2(sectorBytes)
            && BitOperations.IsPow2((uint)ends.Byte(13))
            && ends.Little16(14) != 0
            && ends.Byte(16) is 1 or 2
            && (media >= 0xF8 || media == 0xF0);
        return plausible ? "a FAT file system" : null;
    }

    private static string? Hfs(in DeviceEnds ends)
    {
        bool plus = ends.Has(1024, "H+") && ends.Big16(1026) == 4;
        return plus || (ends.Has(1024, "HX") && ends.Big16(1026) == 5) ? "an HFS+ file system" : null;
    }

    /// <summary>Two bytes of magic, so the revision before and the header's length behind must fit.</summary>
    private static string? Nilfs(in DeviceEnds ends) =>
        ends.Little32(1024) == 2 && ends.Little16(1030) == 0x3434 && ends.Little16(1032) is > 200 and <= 1024
            ? "a NILFS2 file system"
            : null;
}
