using System.Buffers.Binary;

namespace Cstor.Target.Scsi;

/// <summary>Vital product data page 8Fh, SPC-4 §7.8.17: what EXTENDED COPY can do here.</summary>
internal static class CopyPage
{
    private const int HeaderBytes = 4;
    private const ushort SupportedCommands = 0x0001;
    private const ushort ParameterData = 0x0004;
    private const ushort SupportedDescriptors = 0x0008;
    private const ushort GeneralOperations = 0x8001;

    /// <summary>Opcode, number of service actions, service actions.</summary>
    private static readonly byte[] Commands = [0x83, 1, 0x00, 0x84, 2, 0x00, 0x03];

    private static readonly byte[] Descriptors = [CopyRequest.BlockToBlock, CopyRequest.IdentificationTarget];

    /// <summary>Writes the descriptors into cleared memory.</summary>
    /// <returns>Their length.</returns>
    public static int Write(Span<byte> data)
    {
        int end = 0;
        List(data, ref end, SupportedCommands, Commands);
        Span<byte> parameters = Descriptor(data, ref end, ParameterData, 28);
        BinaryPrimitives.WriteUInt16BigEndian(parameters[4..], CopyRequest.MaximumTargets);
        BinaryPrimitives.WriteUInt16BigEndian(parameters[6..], CopyRequest.MaximumSegments);
        BinaryPrimitives.WriteUInt32BigEndian(parameters[8..], CopyRequest.MaximumListBytes);
        List(data, ref end, SupportedDescriptors, Descriptors);
        Span<byte> general = Descriptor(data, ref end, GeneralOperations, 32);
        BinaryPrimitives.WriteUInt32BigEndian(general, byte.MaxValue);
        BinaryPrimitives.WriteUInt32BigEndian(general[4..], byte.MaxValue);
        BinaryPrimitives.WriteUInt32BigEndian(general[8..], CopyRequest.MaximumSegmentBytes);
        general[12] = 9;
        return end;
    }

    // A list with its length in one byte before it, padded to four.
    private static void List(Span<byte> data, ref int end, ushort type, byte[] list)
    {
        int lengthBytes = ((1 + list.Length + 3) & ~3);
        Span<byte> descriptor = Descriptor(data, ref end, type, lengthBytes);
        descriptor[0] = (byte)list.Length;
        list.CopyTo(descriptor[1..]);
    }

    private static Span<byte> Descriptor(Span<byte> data, ref int end, ushort type, int lengthBytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(data[end..], type);
        BinaryPrimitives.WriteUInt16BigEndian(data[(end + 2)..], (ushort)lengthBytes);
        Span<byte> value = data.Slice(end + HeaderBytes, lengthBytes);
        end += HeaderBytes + lengthBytes;
        return value;
    }
}
