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
            offset += header.TotalBytes;
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
        int room = Math.Min(Layout.LogGroupMaximumBytes, Layout.LogSegmentBytes - offset);
        if (room <= 0) return null;
        foreach (BlockPlace start in (ReadOnlySpan<BlockPlace>)[segment.First, segment.Second])
        {
            if (start.IsNone) continue;
            BlockPlace place = new(start.Vdev, start.Sector + (offset >> Layout.SectorShift));
            Outcome<byte[]> bytes = image.Read(place, room);
            if (bytes.IsOk && IsExpected(bytes.Value, sequence, previous)) return bytes.Value;
        }
        return null;
    }

    private bool IsExpected(byte[] bytes, ulong sequence, Hash128 previous)
    {
        Span<byte> scratch = stackalloc byte[LogGroupHeader.Bytes];
        return LogGroupHeader.TryReadHeader(bytes, out LogGroupHeader header) is null
            && header.Generation == image.Root.LogGeneration
            && header.Sequence == sequence
            && header.PreviousChecksum == previous
            && header.TotalBytes <= bytes.Length
            && LogGroupHeader.ChecksumHolds(bytes, header, scratch);
    }
}
