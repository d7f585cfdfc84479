using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;

namespace Cstor.Daemon.Debug;

/// <summary>
/// <c>cstor debug tree</c>: the newest root, the volumes it leads to, and the nodes of their trees down to a
/// level. What cannot be read is said in its place, and the walk goes on.
/// </summary>
/// <param name="image">The pool.</param>
/// <param name="output">Where to print.</param>
/// <param name="showBlocks">Print nodes with every pointer, not only a line for each.</param>
internal sealed class TreeWalker(PoolImage image, TextWriter output, bool showBlocks)
{
    /// <summary>Everything that could not be read.</summary>
    public int FailureCount { get; private set; }

    public void PrintAll()
    {
        Uberblock root = image.Root;
        output.WriteLine($"pool {image.Label.PoolName} ({image.Label.PoolGuid}), checkpoint {root.Number}");
        StructurePrinter.Describe(output, RecordFields.Of(root));
        output.WriteLine();
        output.WriteLine("space map:");
        Walk(root.SpaceMapRoot, root.SpaceMapHeight, 0, static (_, _) => { });
        output.WriteLine();
        output.WriteLine("space log, newest first:");
        PrintSpaceLog(root);
        output.WriteLine();
        output.WriteLine("dataset table:");
        List<DatasetRecord> volumes = [];
        Walk(root.DatasetRoot, root.DatasetHeight, 0, (slot, block) => PrintDataset(volumes, slot, block));
        foreach (DatasetRecord volume in volumes)
        {
            output.WriteLine();
            output.WriteLine($"tree of {volume.Name}:");
            Walk(volume.Root, volume.Height, 0, null);
        }
    }

    private void PrintSpaceLog(in Uberblock root)
    {
        BlockPointer next = root.SpaceLogHead;
        for (ulong i = 0; i < root.SpaceLogBlocks && !next.IsHole; i++)
        {
            Outcome<byte[]> block = image.ReadBlock(next);
            if (!block.IsOk)
            {
                FailureCount++;
                output.WriteLine($"space log block {i}: UNREADABLE ({block.Fault.Message}) {next}");
                return;
            }
            output.WriteLine($"space log block {i}: {next}");
            StructurePrinter.DescribeSpaceLog(output, block.Value);
            if (SpaceLogHeader.TryRead(block.Value, out SpaceLogHeader header) is not null) return;
            next = header.Previous;
        }
    }

    private void PrintDataset(List<DatasetRecord> volumes, ulong slot, byte[] block)
    {
        output.WriteLine($"slot {slot}:");
        StructurePrinter.DescribeDataset(output, block);
        if (DatasetRecord.TryRead(block, out DatasetRecord record) is null
            && record.State != DatasetState.Free)
        {
            volumes.Add(record);
        }
    }

    /// <param name="pointer">A node, or at level 0 a block.</param>
    /// <param name="level">Node levels from here down.</param>
    /// <param name="firstBlock">The first block it covers.</param>
    /// <param name="visit">Called with each block's bytes; null leaves blocks unread.</param>
    private void Walk(in BlockPointer pointer, int level, ulong firstBlock, Action<ulong, byte[]>? visit)
    {
        if (pointer.IsHole || (level == 0 && visit is null)) return;
        Outcome<byte[]> bytes = image.ReadBlock(pointer);
        if (!bytes.IsOk)
        {
            FailureCount++;
            string what = level == 0 ? "block" : "node";
            output.WriteLine($"{what} {firstBlock}: UNREADABLE ({bytes.Fault.Message}) {pointer}");
            return;
        }
        if (level == 0)
        {
            visit!(firstBlock, bytes.Value);
            return;
        }
        output.WriteLine($"node at level {level} from block {firstBlock}: {pointer}");
        if (showBlocks) StructurePrinter.DescribeNode(output, bytes.Value, level, firstBlock);
        BlockPointer[] children = MemoryMarshal.Cast<byte, BlockPointer>(bytes.Value).ToArray();
        int shift = (level - 1) * Layout.NodeFanoutShift;
        for (int i = 0; i < children.Length; i++)
        {
            Walk(children[i], level - 1, firstBlock + ((ulong)i << shift), visit);
        }
    }
}
