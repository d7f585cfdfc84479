using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Streams;

/// <summary>
/// A run of blocks on its way into a stream: blocks that adjoin on a vdev, read at once as they are stored;
/// or a run of holes, which keeps its place among them.
/// </summary>
internal sealed class StreamRead(PoolCore pool, StreamGate gate) : PendingIo
{
    public const int MaximumBlocks = 64;
    public const int MaximumBytes = 256 * 1024;

    private readonly BlockPointer[] _pointers = new BlockPointer[MaximumBlocks];
    private readonly ulong[] _blocks = new ulong[MaximumBlocks];
    private readonly IoSlice[] _slices = new IoSlice[MaximumBlocks];
    private int _count;
    private int _sectors;
    private IoBuffer? _buffer;
    private IoStatus _status;
    private bool _isDone;
    private TaskCompletionSource? _waiter;

    /// <summary>The holes, if it is a run of those.</summary>
    public BlockRange Holes { get; set; }

    /// <summary>The first block behind it.</summary>
    public ulong End => Holes.Count > 0 ? Holes.End : _blocks[_count - 1] + 1;

    /// <summary>The block that could not be read, after a failure.</summary>
    public ulong Block { get; private set; }

    public void Clear()
    {
        _count = _sectors = 0;
        Holes = default;
    }

    /// <summary>Adds a block if it adjoins the last one on the vdev and there is room.</summary>
    public bool TryAdd(ulong block, in BlockPointer pointer)
    {
        if (_count > 0)
        {
            ref BlockPointer last = ref _pointers[_count - 1];
            bool adjoins = last.Place0.Packed + last.AllocatedSectors == pointer.Place0.Packed
                && last.CopyCount == 1 && pointer.CopyCount == 1;
            bool fits = _count < MaximumBlocks
                && (_sectors + pointer.PhysicalSectors) << Layout.SectorShift <= MaximumBytes;
            if (!adjoins || !fits) return false;
        }

        _blocks[_count] = block;
        _pointers[_count++] = pointer;
        _sectors += pointer.PhysicalSectors;
        return true;
    }

    /// <summary>Starts to read.</summary>
    /// <returns>False when there is no memory for it now.</returns>
    public bool TryStart()
    {
        if (_count == 0) return true;
        _buffer = pool.Loop.Buffers.TryRent(_sectors << Layout.SectorShift);
        if (_buffer is null) return false;
        for (int i = 0, at = 0; i < _count; i++)
        {
            int bytes = _pointers[i].PhysicalSectors << Layout.SectorShift;
            _slices[i] = _buffer.Slice.Slice(at, bytes);
            at += bytes;
        }

        _isDone = false;
        gate.Enter();
        Watch(pool.Devices.ReadAsync(_pointers[0].Place0, _slices.AsSpan(0, _count)));
        return true;
    }

    /// <summary>Completes when the device has answered.</summary>
    public ValueTask WaitAsync()
    {
        if (_isDone || _buffer is null) return ValueTask.CompletedTask;
        _waiter = new TaskCompletionSource();
        return new ValueTask(_waiter.Task);
    }

    /// <summary>Writes what the device gave to the stream, each block verified.</summary>
    public async ValueTask<IoStatus> WriteAsync(StreamOutput output)
    {
        if (Holes.Count > 0) return await output.WriteHolesAsync(Holes);
        IoStatus status = IoStatus.Ok;
        for (int i = 0; i < _count && status == IoStatus.Ok; i++)
        {
            Block = _blocks[i];
            bool isRight = _status == IoStatus.Ok && BlockReader.Matches(_pointers[i], _slices[i]);
            status = isRight
                ? await output.WriteBlockAsync(_blocks[i], _pointers[i], _slices[i])
                : await WriteRecoveredAsync(output, i);
        }

        return status;
    }

    /// <summary>Gives the memory back. Not before the device has answered.</summary>
    public void Release()
    {
        _buffer?.Release();
        _buffer = null;
    }

    protected override void OnCompleted(IoStatus status)
    {
        _status = status;
        _isDone = true;
        gate.Leave();
        TaskCompletionSource? waiter = _waiter;
        _waiter = null;
        waiter?.SetResult();
    }

    // Into memory of its own: a device that hangs may still write to the run's.
    private async ValueTask<IoStatus> WriteRecoveredAsync(StreamOutput output, int index)
    {
        IoBuffer? apart = pool.Loop.Buffers.TryRent(_slices[index].LengthBytes);
        if (apart is null) return IoStatus.NoMemory;
        IoSlice stored = apart.First(_slices[index].LengthBytes);
        IoStatus status = await pool.Reader.RecoverAsync(_pointers[index], stored, DamageKind.Data);
        if (status == IoStatus.Ok)
            status = await output.WriteBlockAsync(_blocks[index], _pointers[index], stored);
        apart.Release();
        return status;
    }
}
