namespace Cstor.PoolLayout.Signatures;

/// <summary>Partition tables.</summary>
internal static class PartitionSignatures
{
    private static readonly MagicBytes[] Known =
    [
        new(512, "EFI PART", "a GPT partition table"),
        new(4096, "EFI PART", "a GPT partition table"),
        new(-512, "EFI PART", "a backup GPT partition table"),
        new(-4096, "EFI PART", "a backup GPT partition table"),
        new(512, "\u0057\u0045\u0056\u0082", "a BSD disklabel"),
    ];

    internal static string? Find(in DeviceEnds ends) => ends.FirstOf(Known) ?? Mbr(ends);

    /// <summary>
    /// Four entries of 16 bytes before the 55 AA of the first sector. Boot loaders end in 55 AA too, so an
    /// entry must be in use, and every entry must say it is active (80) or not (00).
    /// </summary>
    private static string? Mbr(in DeviceEnds ends)
    {
        if (ends.Little16(510) != 0xAA55) return null;
        int used = 0;
        for (int entry = 446; entry < 510; entry += 16)
        {
            if (ends.Byte(entry) is not (0 or 0x80)) return null;
            byte type = ends.Byte(entry + 4);
            if (type == 0xEE) return "a GPT partition table";
            if (type != 0 && ends.Little32(entry + 8) != 0 && ends.Little32(entry + 12) != 0) used++;
        }

        return used == 0 ? null : $"an MBR partition table with {used} partition{(used == 1 ? "" : "s")}";
    }
}
