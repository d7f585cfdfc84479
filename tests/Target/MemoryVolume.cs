using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Target;

/// <summary>
/// A volume in memory, with switches to make requests fail, wait or be counted. Blocks are allocated when
/// written, so that a large one costs nothing.
/// </summary>
internal sealed class MemoryVolume(string name, long sizeBytes, int blockSizeBytes = 4096) : IBlockVolume
{
    private readonly Dictionary<long, byte[]> _blocks = [];

    public Guid Id { get; init; } = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301");

    public string Name => name;

    public long SizeBytes { get; set; } = sizeBytes;

    public int BlockSizeBytes => blockSizeBytes;

    public bool IsReadOnly { get; set; }

    /// <summary>Writes find no space.</summary>
    public bool IsFull { get; set; }

    public int SpaceWarnings { get; set; }

    public bool IsFullyReserved { get; set; }

    public VolumeRoom? Room { get; set; }

    public int AtomicBytes { get; set; }

    public int AtomicWrites { get; private set; }

    public string Reservations { get; set; } = "";

    public int ReservationsMaximumBytes { get; set; }

    /// <summary>What every request answers instead of being done, or Ok.</summary>
    public IoStatus Failure { get; set; }

    /// <summary>Requests wait for it while it is set.</summary>
    public TaskCompletionSource? Gate { get; set; }

    public int Reads { get; private set; }

    public int Writes { get; private set; }

    public int DurableWrites { get; private set; }

    public int Flushes { get; private set; }

    public int Unmaps { get; private set; }

    public long UnmappedBytes { get; private set; }

    public int AllocatedBlocks => _blocks.Count;

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        Reads++;
        return Gate is null ? new(Read(offsetBytes, into)) : LaterAsync(() => Read(offsetBytes, into));
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable)
    {
        Writes++;
        if (durable) DurableWrites++;
        return Gate is null ? new(Write(offsetBytes, from)) : LaterAsync(() => Write(offsetBytes, from));
    }

    public ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        Unmaps++;
        UnmappedBytes += lengthBytes;
        return Gate is null ? new(Unmap(offsetBytes, lengthBytes))
            : LaterAsync(() => Unmap(offsetBytes, lengthBytes));
    }

    public ValueTask<IoStatus> FlushAsync()
    {
        Flushes++;
        return Gate is null ? new(Failure) : LaterAsync(() => Failure);
    }

    public ValueTask<IoStatus> WriteAtomicAsync(long offsetBytes, IoSlice from, bool durable)
    {
        AtomicWrites++;
        return WriteAsync(offsetBytes, from, durable);
    }

    public ValueTask<IoStatus> SaveReservationsAsync(string text)
    {
        if (Failure == IoStatus.Ok) Reservations = text;
        return new(Failure);
    }

    /// <summary>Tells of one block at a time, so that callers must join what belongs together.</summary>
    public ValueTask<VolumeExtent> FindExtentAsync(long offsetBytes, long limitBytes)
    {
        if (Failure != IoStatus.Ok) return new(new VolumeExtent(Failure, 0, false));
        long end = (offsetBytes / blockSizeBytes + 1) * blockSizeBytes;
        return new(new VolumeExtent(
            IoStatus.Ok, Math.Min(end - offsetBytes, limitBytes),
            !_blocks.ContainsKey(offsetBytes / blockSizeBytes)));
    }

    private async ValueTask<IoStatus> LaterAsync(Func<IoStatus> work)
    {
        await Gate!.Task;
        return work();
    }

    private IoStatus Read(long offsetBytes, IoSlice into)
    {
        if (Failure != IoStatus.Ok) return Failure;
        if (!IsInside(offsetBytes, into.LengthBytes)) return IoStatus.OutOfRange;
        for (int done = 0; done < into.LengthBytes;)
        {
            (long block, int within, int part) = Locate(offsetBytes + done, into.LengthBytes - done);
            Span<byte> to = into.Span.Slice(done, part);
            if (_blocks.TryGetValue(block, out byte[]? bytes)) bytes.AsSpan(within, part).CopyTo(to);
            else to.Clear();
            done += part;
        }

        return IoStatus.Ok;
    }

    private IoStatus Write(long offsetBytes, IoSlice from)
    {
        if (Failure != IoStatus.Ok) return Failure;
        if (IsReadOnly) return IoStatus.ReadOnly;
        if (IsFull) return IoStatus.NoSpace;
        if (!IsInside(offsetBytes, from.LengthBytes)) return IoStatus.OutOfRange;
        for (int done = 0; done < from.LengthBytes;)
        {
            (long block, int within, int part) = Locate(offsetBytes + done, from.LengthBytes - done);
            if (!_blocks.TryGetValue(block, out byte[]? bytes)) _blocks[block] = bytes =
                new byte[blockSizeBytes];
            from.Span.Slice(done, part).CopyTo(bytes.AsSpan(within));
            done += part;
        }

        return IoStatus.Ok;
    }

    private IoStatus Unmap(long offsetBytes, long lengthBytes)
    {
        if (Failure != IoStatus.Ok) return Failure;
        if (IsReadOnly) return IoStatus.ReadOnly;
        if (!IsInside(offsetBytes, lengthBytes)) return IoStatus.OutOfRange;
        foreach (long block in new List<long>(_blocks.Keys))
        {
            long start = Math.Max(block * blockSizeBytes, offsetBytes);
            long end = Math.Min((block + 1) * blockSizeBytes, offsetBytes + lengthBytes);
            if (start >= end) continue;
            if (end - start == blockSizeBytes) _blocks.Remove(block);
            else _blocks[block].AsSpan((int)(start - block * blockSizeBytes), (int)(end - start)).Clear();
        }

        return IoStatus.Ok;
    }

    private bool IsInside(long offsetBytes, long lengthBytes) =>
        offsetBytes >= 0 && lengthBytes >= 0 && lengthBytes <= SizeBytes - offsetBytes &&
        offsetBytes % 512 == 0 && lengthBytes % 512 == 0;

    private (long Block, int Within, int Part) Locate(long offsetBytes, int leftBytes)
    {
        int within = (int)(offsetBytes % blockSizeBytes);
        return (offsetBytes / blockSizeBytes, within, Math.Min(leftBytes, blockSizeBytes - within));
    }
}
