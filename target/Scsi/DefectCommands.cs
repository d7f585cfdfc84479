using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>
/// READ DEFECT DATA, SBC-3 §5.21 and §5.22: a volume has no defects, so both lists are empty.
/// </summary>
internal static class DefectCommands
{
    private const byte ListsAndFormat = 0x1f;

    public static ValueTask Read10(ScsiTask task)
    {
        if (!task.TryAnswer(4, out Span<byte> data)) return default;
        data[1] = (byte)(task.Cdb[2] & ListsAndFormat);
        task.EndAnswer(4, BinaryPrimitives.ReadUInt16BigEndian(task.Cdb.AsSpan(7)));
        return default;
    }

    public static ValueTask Read12(ScsiTask task)
    {
        if (!task.TryAnswer(8, out Span<byte> data)) return default;
        data[1] = (byte)(task.Cdb[1] & ListsAndFormat);
        task.EndAnswer(8, BinaryPrimitives.ReadUInt32BigEndian(task.Cdb.AsSpan(6)));
        return default;
    }
}
