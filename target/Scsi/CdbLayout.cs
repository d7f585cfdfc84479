using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>Where a CDB keeps its LBA and count.</summary>
internal enum CdbLayout : byte
{
    None,
    Six,
    Ten,
    Twelve,
    Sixteen,
    CompareAndWrite,
    Atomic,
    LbaOnly16,
}

/// <summary>Reads them.</summary>
internal static class CdbLayouts
{
    public static void Decode(CdbLayout layout, ReadOnlySpan<byte> cdb, out ulong lba, out uint blocks)
    {
        switch (layout)
        {
            case CdbLayout.Six:
                lba = ((uint)cdb[1] & 0x1f) << 16 | (uint)cdb[2] << 8 | cdb[3];
                blocks = cdb[4] == 0 ? 256u : cdb[4];
                break;
            case CdbLayout.Ten:
                lba = BinaryPrimitives.ReadUInt32BigEndian(cdb[2..]);
                blocks = BinaryPrimitives.ReadUInt16BigEndian(cdb[7..]);
                break;
            case CdbLayout.Twelve:
                lba = BinaryPrimitives.ReadUInt32BigEndian(cdb[2..]);
                blocks = BinaryPrimitives.ReadUInt32BigEndian(cdb[6..]);
                break;
            case CdbLayout.Sixteen:
                lba = BinaryPrimitives.ReadUInt64BigEndian(cdb[2..]);
                blocks = BinaryPrimitives.ReadUInt32BigEndian(cdb[10..]);
                break;
            case CdbLayout.CompareAndWrite:
                lba = BinaryPrimitives.ReadUInt64BigEndian(cdb[2..]);
                blocks = cdb[13];
                break;
            case CdbLayout.Atomic:
                lba = BinaryPrimitives.ReadUInt64BigEndian(cdb[2..]);
                blocks = BinaryPrimitives.ReadUInt16BigEndian(cdb[12..]);
                break;
            case CdbLayout.LbaOnly16:
                lba = BinaryPrimitives.ReadUInt64BigEndian(cdb[2..]);
                blocks = 0;
                break;
            default:
                lba = 0;
                blocks = 0;
                break;
        }
    }
}
