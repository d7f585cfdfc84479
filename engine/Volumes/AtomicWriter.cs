using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Writes blocks that become visible together. Each goes to a new place as in any other write, and the old
/// ones stay. When all are written their pointers are entered, and appended to the log as one batch, in one
/// step: a reader finds all or none of them, and so does an import after a crash.
/// </summary>
internal sealed class AtomicWriter(Volume volume, PoolCore pool, CompressedWriter writer)
{
    /// <summary>Of blocks up to this long; one block is always possible.</summary>
    public const int MostBytes = 128 * 1024;

    private const int MostBlocks = MostBytes / Layout.MinimumBlockBytes;

    private readonly Stack<AtomicWrite> _free = [];

    /// <summary>Writes whole blocks. The caller holds them.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> WriteAsync(ulong firstBlock, IoSlice from)
    {
        if ((from.Address & (Layout.SectorBytes - 1)) != 0) return await WriteCopyAsync(firstBlock, from);
        if (!_free.TryPop(out AtomicWrite? write)) write = new AtomicWrite(MostBlocks);
        int count = from.LengthBytes >> volume.BlockShift;
        for (int i = 0; i < count; i++)
        {
            IoSlice block = BlockOf(from, i);
            write.IsZero[i] = ZeroBlock.IsZero(block.Span);
            if (!write.IsZero[i]) write.Stored[i] = await writer.CompressAsync(block);
        }

        IoStatus status = await PlaceAsync(write, from, count);
        if (status == IoStatus.Ok)
        {
            for (int i = 0; i < count; i++)
                write.Pointers[i] = write.IsZero[i] ? BlockPointer.Hole : writer.PointerTo(write.Written[i]);
            volume.PublishTogether(firstBlock, write.Pointers.AsSpan(0, count));
        }

        for (int i = 0; i < count; i++)
            if (!write.IsZero[i]) writer.Release(ref write.Written[i], status == IoStatus.Ok);
        _free.Push(write);
        return status;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> PlaceAsync(AtomicWrite write, IoSlice from, int count)
    {
        if (pool.Writer.IsHeld) await volume.WaitWhileHeldAsync();
        for (int i = 0; i < count; i++)
            if (!write.IsZero[i])
                write.Written[i] = writer.Begin(BlockOf(from, i), write.Stored[i], isReserved: false);
        IoStatus status = IoStatus.Ok;
        for (int i = 0; i < count; i++)
        {
            if (write.IsZero[i]) continue;
            IoStatus ended = await write.Written[i].Written;
            if (ended != IoStatus.Ok) status = ended;
        }

        return status;
    }

    private async ValueTask<IoStatus> WriteCopyAsync(ulong firstBlock, IoSlice from)
    {
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(from.LengthBytes);
        if (buffer is null) return IoStatus.NoMemory;
        from.Span.CopyTo(buffer.Span);
        IoStatus status = await WriteAsync(firstBlock, buffer.First(from.LengthBytes));
        buffer.Release();
        return status;
    }

    private IoSlice BlockOf(IoSlice from, int index) =>
        from.Slice(index << volume.BlockShift, volume.BlockSizeBytes);
}
