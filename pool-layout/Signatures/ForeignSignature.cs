namespace Cstor.PoolLayout.Signatures;

// A device that carries anything is never taken without being told to (-f): to overwrite a pool, a file
// system or the leg of a RAID is what people never forgive. So this errs on the careful side: it knows what
// the common tools write, looks at both ends (RAID metadata and backup partition tables lie at the far one),
// and where a magic number is so short that chance would find it, asks the fields around it as well. Zeroes
// and noise give nothing.
//
// What holds other things is named before what it holds: a RAID member shows its file system too.

/// <summary>Names what a device carries.</summary>
public static class ForeignSignature
{
    /// <summary>Bytes from the start of the device that are looked at: VMFS signs at 1 MiB.</summary>
    public const int HeadBytes = (1024 * 1024) + 4096;

    /// <summary>
    /// Bytes from the end of the device that are looked at: pools sign there up to 768 KiB away.
    /// </summary>
    public const int TailBytes = 1024 * 1024;

    /// <summary>
    /// What is on the device, as it reads after "carries": "an ext4 file system", "a GPT partition table";
    /// null if nothing known is there.
    /// </summary>
    /// <param name="head">The first <see cref="HeadBytes"/>, or the whole of a smaller device.</param>
    /// <param name="tail">The last <see cref="TailBytes"/>, or the whole of a smaller device.</param>
    /// <param name="deviceBytes">Size of the device.</param>
    public static string? Detect(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long deviceBytes)
    {
        Check.That(head.Length <= deviceBytes && tail.Length <= deviceBytes);
        DeviceEnds ends = new(head, tail, deviceBytes);
        return PoolSignatures.Find(ends)
            ?? ContainerSignatures.Find(ends)
            ?? FileSystemSignatures.Find(ends)
            ?? PartitionSignatures.Find(ends);
    }
}
