// The configuration block of a label: 64 bytes of header, then the text, then zeroes to the end of the
// sector. The checksum covers header and text, so a torn, rotten or misplaced block is never taken for a
// label. The same block goes into all four labels of a device, in two phases (labels 0 and 2, flush, labels 1
// and 3, flush): whatever the moment of a crash, at least one pair is whole, the old or the new one, and the
// generation says which is newer.
using System.Buffers.Binary;
using System.Text;
using Cstor.PoolLayout.Checksums;

namespace Cstor.PoolLayout.Labels;

/// <summary>Bytes of a label's configuration, and where labels lie on a device.</summary>
public static class LabelBlock
{
    /// <summary>"CSTORLB1" as bytes.</summary>
    public const ulong MagicValue = 0x31424C52_4F545343;

    public const int HeaderBytes = 64;

    /// <summary>Longest text.</summary>
    public const int MaximumTextBytes = Layout.LabelConfigBytes - HeaderBytes;

    private const int VersionOffset = 8;
    private const int TextBytesOffset = 12;
    private const int GenerationOffset = 16;
    private const int ReservedOffset = 24;
    private const int ChecksumOffset = 48;

    private static readonly UTF8Encoding StrictUtf8 = new(false, true);

    /// <summary>The part of a device that labels share out: its size rounded down to whole labels.</summary>
    public static long UsableBytes(long deviceBytes) => deviceBytes & -(long)Layout.LabelBytes;

    /// <summary>Device offset of label 0 to 3: two at the front, two at the end.</summary>
    public static long OffsetOf(long deviceBytes, int label)
    {
        Check.That((uint)label < Layout.LabelCount);
        return label < 2
            ? (long)label * Layout.LabelBytes
            : UsableBytes(deviceBytes) - ((long)(Layout.LabelCount - label) * Layout.LabelBytes);
    }

    /// <summary>Sectors between the front and the back labels.</summary>
    public static long DataSectors(long deviceBytes) =>
        (UsableBytes(deviceBytes) - ((long)Layout.LabelCount * Layout.LabelBytes)) >> Layout.SectorShift;

    /// <summary>Whether the label's text fits.</summary>
    public static bool Fits(PoolLabel label) =>
        StrictUtf8.GetByteCount(LabelText.Print(label)) <= MaximumTextBytes;

    /// <summary>Writes the block.</summary>
    /// <param name="label">A valid label whose text fits.</param>
    /// <param name="block"><see cref="Layout.LabelConfigBytes"/> bytes, all of which are set.</param>
    /// <returns>Bytes that need to be written to disk, whole sectors.</returns>
    public static int Write(PoolLabel label, Span<byte> block)
    {
        Check.That(label.Validate() is null);
        Check.That(block.Length == Layout.LabelConfigBytes);
        byte[] text = StrictUtf8.GetBytes(LabelText.Print(label));
        Check.That(text.Length <= MaximumTextBytes);
        block.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(block, MagicValue);
        BinaryPrimitives.WriteUInt32LittleEndian(block[VersionOffset..], label.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(block[TextBytesOffset..], (uint)text.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(block[GenerationOffset..], label.Generation);
        text.CopyTo(block[HeaderBytes..]);
        int usedBytes = HeaderBytes + text.Length;
        Xxh128.Compute(block[..usedBytes]).Write(block[ChecksumOffset..]);
        return (usedBytes + Layout.SectorBytes - 1) & -Layout.SectorBytes;
    }

    /// <summary>Reads and validates a block.</summary>
    /// <param name="block"><see cref="Layout.LabelConfigBytes"/> bytes.</param>
    /// <param name="label">The label, if the block is whole.</param>
    /// <param name="reason">What is wrong with it, otherwise.</param>
    public static LabelCondition Read(ReadOnlySpan<byte> block, out PoolLabel? label, out string reason)
    {
        label = null;
        LabelCondition condition = ReadText(block, out string text, out reason);
        if (condition != LabelCondition.Whole) return condition;
        reason = LabelTextReader.TryParse(text, out PoolLabel? parsed) ?? "";
        if (reason.Length == 0
            && parsed!.Generation != BinaryPrimitives.ReadUInt64LittleEndian(block[GenerationOffset..]))
            reason = "generations of header and text differ";
        if (reason.Length != 0) return LabelCondition.Unknown;
        label = parsed;
        return LabelCondition.Whole;
    }

    /// <summary>
    /// Reads the text alone, for <c>debug label</c> and for labels that only a newer program understands.
    /// </summary>
    public static LabelCondition ReadText(ReadOnlySpan<byte> block, out string text, out string reason)
    {
        Check.That(block.Length == Layout.LabelConfigBytes);
        text = "";
        reason = "no label";
        if (!block[..Layout.SectorBytes].ContainsAnyExcept((byte)0)) return LabelCondition.Blank;
        reason = "no magic";
        if (BinaryPrimitives.ReadUInt64LittleEndian(block) != MagicValue) return LabelCondition.Foreign;
        uint textBytes = BinaryPrimitives.ReadUInt32LittleEndian(block[TextBytesOffset..]);
        reason = $"text of {textBytes} bytes";
        if (textBytes is 0 or > MaximumTextBytes) return LabelCondition.Damaged;
        int usedBytes = HeaderBytes + (int)textBytes;
        byte[] copy = block[..usedBytes].ToArray();
        copy.AsSpan(ChecksumOffset, HeaderBytes - ChecksumOffset).Clear();
        reason = "checksum mismatch";
        if (Xxh128.Compute(copy) != Hash128.Read(block[ChecksumOffset..])) return LabelCondition.Damaged;
        int paddedBytes = (usedBytes + Layout.SectorBytes - 1) & -Layout.SectorBytes;
        reason = "bytes after the text are set";
        if (block[usedBytes..paddedBytes].ContainsAnyExcept((byte)0)) return LabelCondition.Damaged;

        // The checksum holds: whatever is strange from here on was meant by a program that is not this one.
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(block[VersionOffset..]);
        reason = $"format version {version}, this program knows {Layout.FormatVersion}";
        if (version != Layout.FormatVersion) return LabelCondition.Unknown;
        reason = "reserved bytes are set";
        if (block[ReservedOffset..ChecksumOffset].ContainsAnyExcept((byte)0)) return LabelCondition.Unknown;
        try
        {
            text = StrictUtf8.GetString(block[HeaderBytes..usedBytes]);
            reason = "";
            return LabelCondition.Whole;
        }
        catch (DecoderFallbackException)
        {
            reason = "text is no UTF-8";
            return LabelCondition.Unknown;
        }
    }
}
