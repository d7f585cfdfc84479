using System.Runtime.InteropServices;
using Cstor.PoolLayout.Checksums;

namespace Cstor.PoolLayout.Streams;

/// <summary>
/// Head of a record of a stream; the payload follows without a gap. Its hash covers the payload's hash and,
/// through that of the record before, the whole stream up to here: nothing that was cut out, put in, put
/// elsewhere or damaged goes unnoticed. What is missing at the end is, because the end is a record too.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct StreamRecordHeader
{
    public const int Bytes = 96;

    /// <summary>"CSTORST1" as bytes.</summary>
    public const ulong MagicValue = 0x31545352_4F545343;

    /// <summary>Version of the stream format. Another one is refused by name.</summary>
    public const ushort CurrentVersion = 1;

    /// <summary>The largest payload: a block of the largest size as it is.</summary>
    public const int MaximumPayloadBytes = Layout.MaximumBlockBytes;

    private const int ChecksumOffset = 80;

    [FieldOffset(0)] public ulong Magic;

    [FieldOffset(8)] public ushort Version;

    [FieldOffset(10)] public StreamRecordKind Kind;

    /// <summary>Of the payload of a block.</summary>
    [FieldOffset(11)] public CompressionKind Compression;

    [FieldOffset(12)] public uint PayloadBytes;

    /// <summary>Number of the record in its stream, from 0.</summary>
    [FieldOffset(16)] public ulong Sequence;

    /// <summary>The block, or the first of the holes; in the last record how many blocks came.</summary>
    [FieldOffset(24)] public ulong Block;

    /// <summary>How many holes; 1 for a block; in the last record how many holes came.</summary>
    [FieldOffset(32)] public ulong BlockCount;

    [FieldOffset(40)] public ulong Reserved0;

    /// <summary>Hash of the payload, zero without one.</summary>
    [FieldOffset(48)] public Hash128 PayloadChecksum;

    /// <summary>Of a block: of its logical bytes; in the last record: of the whole snapshot.</summary>
    [FieldOffset(64)] public Hash128 ContentHash;

    /// <summary>Of this header, with the hash of the record before in this place, zero at first.</summary>
    [FieldOffset(ChecksumOffset)] public Hash128 Checksum;

    /// <summary>Behind the last block that the record is about.</summary>
    public readonly ulong EndBlock => Block + BlockCount;

    /// <summary>Reads a header and checks all that can be checked without the payload.</summary>
    /// <param name="bytes">At least <see cref="Bytes"/>.</param>
    /// <param name="sequence">Number that the record must have.</param>
    /// <param name="previous">Checksum of the record before.</param>
    /// <param name="header">What was read, right or not.</param>
    /// <returns>Reason why this cannot be the next record, or null.</returns>
    public static string? TryRead(
        ReadOnlySpan<byte> bytes, ulong sequence, Hash128 previous, out StreamRecordHeader header)
    {
        header = MemoryMarshal.Read<StreamRecordHeader>(bytes);
        if (header.Magic != MagicValue) return "no magic";
        if (header.Version != CurrentVersion)
            return $"version {header.Version}; this program knows {CurrentVersion}";
        if (header.ComputeChecksum(previous) != header.Checksum) return "checksum mismatch";
        return header.Sequence == sequence
            ? header.Validate()
            : $"record {header.Sequence} in the place of {sequence}";
    }

    /// <summary>Completes the header and writes it.</summary>
    /// <param name="destination">At least <see cref="Bytes"/>.</param>
    /// <param name="previous">Checksum of the record before.</param>
    /// <returns>The record's checksum.</returns>
    public Hash128 Seal(Span<byte> destination, Hash128 previous)
    {
        Magic = MagicValue;
        Version = CurrentVersion;
        Check.That(Validate() is null);
        Checksum = ComputeChecksum(previous);
        MemoryMarshal.Write(destination, in this);
        return Checksum;
    }

    /// <summary>Reason why the fields cannot be right, or null.</summary>
    public readonly string? Validate()
    {
        if (Reserved0 != 0) return "reserved bytes are set";
        if (Compression != CompressionKind.Off && Kind != StreamRecordKind.Data)
            return "a compressed record that is no block";
        if (PayloadBytes == 0 && PayloadChecksum != default) return "a checksum of nothing";
        return Kind switch
        {
            StreamRecordKind.Begin => ValidateBegin(),
            StreamRecordKind.Data => ValidateData(),
            StreamRecordKind.Holes => ValidateHoles(),
            StreamRecordKind.End => PayloadBytes == 0 ? null : "an end with a payload",
            _ => $"unknown kind {(byte)Kind}",
        };
    }

    private readonly string? ValidateBegin()
    {
        if (PayloadBytes != StreamBegin.Bytes) return $"a beginning of {PayloadBytes} bytes";
        return Block == 0 && BlockCount == 0 && ContentHash == default && Sequence == 0
            ? null
            : "a beginning that is about blocks";
    }

    private readonly string? ValidateData()
    {
        if (Compression > CompressionKind.Zstd) return $"unknown compression {(byte)Compression}";
        if (PayloadBytes is 0 or > MaximumPayloadBytes) return $"a block of {PayloadBytes} stored bytes";
        return BlockCount == 1 && Block < ulong.MaxValue ? null : $"a block that is {BlockCount} blocks";
    }

    private readonly string? ValidateHoles()
    {
        if (PayloadBytes != 0 || ContentHash != default) return "holes with content";
        return BlockCount > 0 && BlockCount <= ulong.MaxValue - Block
            ? null
            : $"{BlockCount} holes from {Block} on";
    }

    private readonly Hash128 ComputeChecksum(Hash128 previous)
    {
        StreamRecordHeader chained = this;
        chained.Checksum = previous;
        return Xxh128.Compute(MemoryMarshal.AsBytes(new ReadOnlySpan<StreamRecordHeader>(in chained)));
    }
}
