using System.Buffers.Binary;

namespace Cstor.Target.Iscsi;

/// <summary>Writes the fields of an outgoing basic header segment; the span is 48 zeroed bytes.</summary>
internal static class PduWriter
{
    public static void Start(Span<byte> header, IscsiOpcode opcode, byte flags, uint initiatorTaskTag)
    {
        header[..PduHeader.LengthBytes].Clear();
        header[0] = (byte)opcode;
        header[1] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], initiatorTaskTag);
    }

    public static void SetDataLength(Span<byte> header, int lengthBytes)
    {
        header[5] = (byte)(lengthBytes >> 16);
        header[6] = (byte)((lengthBytes >> 8) & 0xff);
        header[7] = (byte)(lengthBytes & 0xff);
    }

    public static void SetLun(Span<byte> header, ulong lun) =>
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], lun);

    public static void SetTransferTag(Span<byte> header, uint tag) =>
        BinaryPrimitives.WriteUInt32BigEndian(header[20..], tag);

    public static void SetSequence(Span<byte> header, uint statSn, uint expCmdSn, uint maxCmdSn)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header[24..], statSn);
        BinaryPrimitives.WriteUInt32BigEndian(header[28..], expCmdSn);
        BinaryPrimitives.WriteUInt32BigEndian(header[32..], maxCmdSn);
    }

    /// <summary>DataSN of Data-In, R2TSN of R2T, ExpDataSN of a response: all at byte 36.</summary>
    public static void SetDataSn(Span<byte> header, uint dataSn) =>
        BinaryPrimitives.WriteUInt32BigEndian(header[36..], dataSn);

    public static void SetBufferOffset(Span<byte> header, uint offsetBytes) =>
        BinaryPrimitives.WriteUInt32BigEndian(header[40..], offsetBytes);

    /// <summary>Residual count of a response, desired length of an R2T: both at byte 44.</summary>
    public static void SetCount(Span<byte> header, uint count) =>
        BinaryPrimitives.WriteUInt32BigEndian(header[44..], count);
}
