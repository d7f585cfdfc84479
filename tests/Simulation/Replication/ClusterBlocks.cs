using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target.Replication;
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Blocks of a cluster's volume that one value fills, written and read on a node.</summary>
internal static class ClusterBlocks
{
    private const int Block = Cluster.BlockBytes;

    /// <summary>Flips a bit in every sector on disk that one value fills.</summary>
    public static int Damage(ClusterNode node, byte value)
    {
        SimulatedDisk disk = node.Node.Disks["/dev/a"];
        int count = 0;
        foreach (long offset in disk.WrittenOffsets())
        {
            if (disk.Peek(offset).AsSpan().ContainsAnyExcept(value)) continue;
            disk.Rot(offset);
            count++;
        }

        return count;
    }

    public static async Task<IoStatus> TryReadAsync(
        Cluster cluster, ClusterNode node, IBlockVolume volume, int block)
    {
        SimulatedLoop loop = node.Loop!;
        return await cluster.OnAsync(loop, async () =>
        {
            IoBuffer buffer = loop.Buffers.Rent(Block);
            IoStatus status = await volume.ReadAsync(block * (long)Block, buffer.First(Block));
            buffer.Release();
            return status;
        });
    }

    public static async Task<IoStatus> WriteAsync(
        Cluster cluster, ClusterNode node, int block, byte value, int count = 1)
    {
        ReplicatedVolume volume = node.Volume!;
        SimulatedLoop loop = node.Loop!;
        return await cluster.OnAsync(loop, async () =>
        {
            IoBuffer buffer = loop.Buffers.Rent(count * Block);
            buffer.Span[..(count * Block)].Fill(value);
            IoSlice slice = buffer.First(count * Block);
            IoStatus status = await volume.WriteAsync(block * (long)Block, slice, durable: false);
            buffer.Release();
            return status;
        });
    }

    /// <summary>Writes the second half of a block.</summary>
    public static async Task<IoStatus> WritePartAsync(
        Cluster cluster, ClusterNode node, int block, byte value)
    {
        ReplicatedVolume volume = node.Volume!;
        SimulatedLoop loop = node.Loop!;
        return await cluster.OnAsync(loop, async () =>
        {
            IoBuffer buffer = loop.Buffers.Rent(Block / 2);
            buffer.Span[..(Block / 2)].Fill(value);
            IoSlice slice = buffer.First(Block / 2);
            IoStatus status = await volume.WriteAsync(
                (block * (long)Block) + (Block / 2), slice, durable: false);
            buffer.Release();
            return status;
        });
    }

    /// <summary>The value that fills a block.</summary>
    public static async Task<int> ReadAsync(Cluster cluster, ClusterNode node, int block)
    {
        ReplicatedVolume volume = node.Volume!;
        SimulatedLoop loop = node.Loop!;
        return await cluster.OnAsync(loop, async () =>
        {
            IoBuffer buffer = loop.Buffers.Rent(Block);
            IoStatus status = await volume.ReadAsync(block * (long)Block, buffer.First(Block));
            byte value = buffer.Span[0];
            bool isWhole = !buffer.Span[..Block].ContainsAnyExcept(value);
            buffer.Release();
            if (status != IoStatus.Ok || !isWhole) throw new OracleException($"block {block}: {status}");
            return (int)value;
        });
    }
}
