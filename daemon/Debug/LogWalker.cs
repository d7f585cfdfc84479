using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;

namespace Cstor.Daemon.Debug;

/// <summary>
/// <c>cstor debug log</c>: the groups of the commit log that an import would replay, from where the newest
/// root says it begins to where it ends. A group counts if it repeats its predecessor's checksum, as at
/// replay.
/// </summary>
internal sealed class LogWalker(PoolImage image, TextWriter output)
{
    public void PrintAll()
    {
        Uberblock root = image.Root;
        string log = $"generation {root.LogGeneration:x16}, from group {root.LogSequence}";
        output.WriteLine($"log of pool {image.Label.PoolName}, {log}");
        (BlockPlace First, BlockPlace Second) segment = (root.LogPlace0, root.LogPlace1);
        (BlockPlace First, BlockPlace Second) next = (root.LogNext0, root.LogNext1);
        int offset = (int)root.LogOffsetBytes;
        ulong sequence = root.LogSequence;
        Hash128 previous = root.LogPreviousChecksum;
        int groups = 0;
        while (true)
        {
            byte[]? group = Find(segment, offset, sequence, previous);
            if (group is null && (offset = 0) == 0 && !next.First.IsNone)
            {
                segment = next;
                group = Find(segment, 0, sequence, previous);
            }
            if (group is null) break;
            output.WriteLine();
            output.WriteLine($"group {sequence} at {segment.First} + {offset}:");
            StructurePrinter.DescribeGroup(output, group);
            _ = LogGroupHeader.TryReadHeader(group, out LogGroupHeader header);
            next = (header.NextPlace0, header.NextPlace1);
            previous = header.Checksum;
            offset += TakenBytes(segment, header.TotalBytes);
            sequence++;
            groups++;
        }
        output.WriteLine();
        output.WriteLine($"{groups} groups");
    }

    /// <summary>The expected group, from either copy; null where the log ends.</summary>
    private byte[]? Find(
        (BlockPlace First, BlockPlace Second) segment, int offset, ulong sequence, Hash128 previous)
    {
        if (offset >= Layout.LogSegmentBytes) return null;
        foreach (BlockPlace start in (ReadOnlySpan<BlockPlace>)[segment.First, segment.Second])
        {
            if (start.IsNone || image.Vdev(start.Vdev) is not { } vdev) continue;
            long sector = start.Sector + (offset >> Layout.SectorShift);
            if (FindAt(vdev, sector, sequence, previous) is { } group) return group;
        }
        return null;
    }

    // A group is one block, whose length its header tells. On a vdev with parity the header lies behind the
    // parity columns, and may be lost while the group can be computed: then every length is tried.
    private byte[]? FindAt(VdevImage vdev, long sector, ulong sequence, Hash128 previous)
    {
        int most = Layout.LogGroupMaximumBytes >> Layout.SectorShift;
        byte[]? first = vdev.ReadRaw(sector + vdev.Geometry.Parity);
        int told = 0;
        if (first is not null && LogGroupHeader.TryReadHeader(first, out LogGroupHeader header) is null
            && Follows(header, sequence, previous))
        {
            told = header.TotalBytes >> Layout.SectorShift;
        }
        // Where nothing can be computed, the header says all.
        else if (vdev.Geometry.Parity == 0 && first is not null && !vdev.HasCopies) return null;
        for (int sectors = told > 0 ? told : 1; sectors <= (told > 0 ? told : most); sectors++)
        {
            Outcome<byte[]> group = vdev.Read(
                sector, sectors, bytes => IsExpected(bytes, sequence, previous));
            if (group.IsOk) return group.Value;
        }
        return null;
    }

    // Both copies advance by what the larger one takes with its parity.
    private int TakenBytes((BlockPlace First, BlockPlace Second) segment, int lengthBytes)
    {
        int sectors = lengthBytes >> Layout.SectorShift;
        int Taken(BlockPlace place) => image.Vdev(place.Vdev)?.Geometry.AllocatedSectors(sectors) ?? sectors;
        return Math.Max(Taken(segment.First), Taken(segment.Second)) << Layout.SectorShift;
    }

    private bool Follows(in LogGroupHeader header, ulong sequence, Hash128 previous) =>
        header.Generation == image.Root.LogGeneration
        && header.Sequence == sequence
        && header.PreviousChecksum == previous;

    private bool IsExpected(byte[] bytes, ulong sequence, Hash128 previous)
    {
        Span<byte> scratch = stackalloc byte[LogGroupHeader.Bytes];
        return LogGroupHeader.TryReadHeader(bytes, out LogGroupHeader header) is null
            && Follows(header, sequence, previous)
            && header.TotalBytes == bytes.Length
            && LogGroupHeader.ChecksumHolds(bytes, header, scratch);
    }
}
