// The smallest store that keeps IBlockVolume's promises over a disk with a volatile cache, to try the
// simulator and the oracle on: each 4 KiB block has two slots of payload, sequence and checksum, and a write
// goes to the slot that does not hold the newest durable copy. After a crash the newest slot with a good
// checksum is the block. One request at a time. Each of its promises can be broken on purpose.
using System.Buffers.Binary;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Tests.Simulation.Toy;

internal sealed class ToyVolume : IBlockVolume
{
    private const int Block = 4096;
    private const int SlotBytes = 2 * Block;

    private readonly SimulatedLoop _loop;
    private readonly IDisk _disk;
    private readonly ToyBug _bug;
    private readonly long[] _sequence;
    private readonly int[] _newest;
    private readonly int[] _durable;
    private readonly Queue<SimulatedCompletion<bool>> _waiting = new();
    private long _lastSequence;
    private bool _isBusy;

    private ToyVolume(SimulatedLoop loop, IDisk disk, ToyBug bug)
    {
        _loop = loop;
        _disk = disk;
        _bug = bug;
        int blocks = (int)(disk.SizeBytes / (2 * SlotBytes));
        _sequence = new long[blocks];
        _newest = new int[blocks];
        _durable = new int[blocks];
    }

    public Guid Id { get; }

    public string Name => "toy";

    public long SizeBytes => (long)_newest.Length * Block;

    public int BlockSizeBytes => Block;

    public bool IsReadOnly => false;

    public static async ValueTask<ToyVolume> OpenAsync(SimulatedLoop loop, string path, ToyBug bug)
    {
        IDisk disk = (await loop.Disks.OpenAsync(path, DiskAccess.ReadWrite)).Value;
        ToyVolume volume = new(loop, disk, bug);
        IoBuffer buffer = loop.Buffers.Rent(2 * SlotBytes);
        for (int block = 0; block < volume._newest.Length; block++)
        {
            await disk.ReadAsync((long)block * 2 * SlotBytes, buffer.First(2 * SlotBytes));
            volume.Recover(block, buffer.Span);
        }

        buffer.Release();
        return volume;
    }

    public async ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        await EnterAsync();
        IoBuffer buffer = _loop.Buffers.Rent(Block);
        for (int done = 0; done < into.LengthBytes;)
        {
            (int block, int start, int count) = Piece(offsetBytes + done, into.LengthBytes - done);
            await LoadAsync(block, buffer);
            buffer.Span.Slice(start, count).CopyTo(into.Span[done..]);
            done += count;
        }

        buffer.Release();
        Leave();
        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable)
    {
        await EnterAsync();
        for (int done = 0; done < from.LengthBytes;)
        {
            (int block, int start, int count) = Piece(offsetBytes + done, from.LengthBytes - done);
            await StoreAsync(block, start, count, from.Slice(done, count));
            done += count;
        }

        if (durable && _bug != ToyBug.DurableIsIgnored) await FlushDiskAsync();
        Leave();
        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        await EnterAsync();
        for (long done = 0; done < lengthBytes;)
        {
            (int block, int start, int count) = Piece(offsetBytes + done, lengthBytes - done);
            await StoreAsync(block, start, count, null);
            done += count;
        }

        Leave();
        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> FlushAsync()
    {
        await EnterAsync();
        await FlushDiskAsync();
        Leave();
        return IoStatus.Ok;
    }

    private static (int Block, int Start, int Count) Piece(long offset, long left)
    {
        int start = (int)(offset % Block);
        return ((int)(offset / Block), start, (int)Math.Min(left, Block - start));
    }

    private static ulong Checksum(ReadOnlySpan<byte> slot) =>
        SimulatedRandom.HashOf(slot[..(Block + 8)]) | 1;

    private void Recover(int block, ReadOnlySpan<byte> slots)
    {
        for (int slot = 0; slot < 2; slot++)
        {
            ReadOnlySpan<byte> bytes = slots.Slice(slot * SlotBytes, SlotBytes);
            long sequence = BinaryPrimitives.ReadInt64LittleEndian(bytes[Block..]);
            ulong checksum = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(Block + 8)..]);
            bool isGood = _bug == ToyBug.NoChecksum || checksum == Checksum(bytes);
            bool isBetter = _bug == ToyBug.ReadsTheOlderCopy || sequence > _sequence[block];
            if (sequence == 0 || !isGood || !isBetter) continue;
            (_sequence[block], _newest[block], _durable[block]) = (sequence, slot, slot);
            _lastSequence = Math.Max(_lastSequence, sequence);
        }
    }

    private async ValueTask LoadAsync(int block, IoBuffer buffer)
    {
        if (_sequence[block] == 0)
            buffer.Span[..Block].Clear();
        else
            await _disk.ReadAsync(SlotOffset(block, _newest[block]), buffer.First(Block));
    }

    private async ValueTask StoreAsync(int block, int start, int count, IoSlice? from)
    {
        IoBuffer buffer = _loop.Buffers.Rent(SlotBytes);
        await LoadAsync(block, buffer);
        if (from is { } slice)
            slice.Span.CopyTo(buffer.Span[start..]);
        else
            buffer.Span.Slice(start, count).Clear();
        int target = _bug == ToyBug.OverwritesInPlace ? 0 : _durable[block] ^ 1;
        buffer.Span[Block..].Clear();
        BinaryPrimitives.WriteInt64LittleEndian(buffer.Span[Block..], ++_lastSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.Span[(Block + 8)..], Checksum(buffer.Span));
        Task write = PutAsync(SlotOffset(block, target), buffer);
        if (_bug != ToyBug.AnswersTooSoon) await write;
        (_sequence[block], _newest[block]) = (_lastSequence, target);
    }

    private async Task PutAsync(long offset, IoBuffer buffer)
    {
        await _disk.WriteAsync(offset, buffer.First(SlotBytes));
        buffer.Release();
    }

    private async ValueTask FlushDiskAsync()
    {
        if (_bug != ToyBug.FlushDoesNothing) await _disk.FlushAsync();
        Array.Copy(_newest, _durable, _newest.Length);
    }

    private static long SlotOffset(int block, int slot) => ((block * 2L) + slot) * SlotBytes;

    private async ValueTask EnterAsync()
    {
        if (_isBusy)
        {
            SimulatedCompletion<bool> turn = new();
            _waiting.Enqueue(turn);
            await turn.Task;
        }

        _isBusy = true;
    }

    // Hands over to the first in the queue, and only then lets anyone else in.
    private void Leave()
    {
        if (_waiting.TryDequeue(out SimulatedCompletion<bool>? next))
            next.Complete(true);
        else
            _isBusy = false;
    }
}
