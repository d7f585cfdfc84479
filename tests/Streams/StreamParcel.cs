using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Streams;

namespace Cstor.Tests.Streams;

/// <summary>A record of a stream taken apart, to be changed and sealed again by a forger.</summary>
internal sealed class StreamParcel
{
    public StreamRecordHeader Header;

    public byte[] Payload { get; set; } = [];

    public static List<StreamParcel> Split(ReadOnlySpan<byte> stream)
    {
        List<StreamParcel> parcels = [];
        while (!stream.IsEmpty)
        {
            StreamRecordHeader header = MemoryMarshal.Read<StreamRecordHeader>(stream);
            byte[] payload = stream.Slice(StreamRecordHeader.Bytes, (int)header.PayloadBytes).ToArray();
            parcels.Add(new StreamParcel { Header = header, Payload = payload });
            stream = stream[(StreamRecordHeader.Bytes + payload.Length)..];
        }

        return parcels;
    }

    /// <summary>A stream whose every hash is right, whatever the records say.</summary>
    public static byte[] Join(IReadOnlyList<StreamParcel> parcels)
    {
        List<byte> stream = [];
        Hash128 previous = default;
        for (int i = 0; i < parcels.Count; i++)
        {
            StreamRecordHeader header = parcels[i].Header;
            byte[] payload = parcels[i].Payload;
            header.Sequence = (ulong)i;
            header.PayloadBytes = (uint)payload.Length;
            header.PayloadChecksum = payload.Length == 0 ? default : Xxh128.Compute(payload);
            header.Checksum = previous;
            byte[] head = new byte[StreamRecordHeader.Bytes];
            MemoryMarshal.Write(head, in header);
            previous = Xxh128.Compute(head);
            header.Checksum = previous;
            MemoryMarshal.Write(head, in header);
            stream.AddRange(head);
            stream.AddRange(payload);
        }

        return [.. stream];
    }
}
