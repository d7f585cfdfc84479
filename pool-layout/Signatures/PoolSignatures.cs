namespace Cstor.PoolLayout.Signatures;

/// <summary>Storage pools with labels at both ends: our own, and ZFS.</summary>
internal static class PoolSignatures
{
    private const int ZfsLabelBytes = 256 * 1024;
    private const ulong ZfsUberblockMagic = 0x00BAB10C;

    internal static string? Find(in DeviceEnds ends)
    {
        long usable = ends.DeviceBytes & -(long)Layout.LabelBytes;
        ReadOnlySpan<long> labels =
            [0, Layout.LabelBytes, usable - (2 * Layout.LabelBytes), usable - Layout.LabelBytes];
        foreach (long label in labels)
        {
            if (label < 0) continue;
            if (ends.Has(label + Layout.LabelConfigOffset, "CSTORLB1")) return "a label of a cstor pool";
            if (IsZfsLabel(ends, label)) return "a ZFS label";
        }

        return null;
    }

    /// <summary>
    /// A label of ZFS has its configuration at 16 KiB (a name-value list in XDR whose first name is
    /// "version") and a ring of uberblocks from 128 KiB on, in slots of at least 1 KiB.
    /// </summary>
    private static bool IsZfsLabel(in DeviceEnds ends, long label)
    {
        long list = label + (16 * 1024);
        if (ends.Byte(list) == 1 && ends.Has(list + 20, "\0\0\0\u0007version\0")) return true;
        int found = 0;
        for (int slot = ZfsLabelBytes / 2; slot < ZfsLabelBytes; slot += 1024)
        {
            ulong magic = ends.Little64(label + slot);
            bool either = magic is ZfsUberblockMagic or 0x0CB1BA0000000000;
            if (either && ++found == 2) return true;
        }

        return false;
    }
}
