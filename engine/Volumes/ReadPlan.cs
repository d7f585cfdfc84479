using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>
/// A read of up to 256 adjoining blocks: their pointers, the device reads under way for them, and which
/// blocks did not verify. Awaitable and pooled.
/// </summary>
internal sealed class ReadPlan(int maximumBlocks = ReadPlan.MaximumBlocks) : IValueTaskSource<IoStatus>
{
    public const int MaximumBlocks = 256;

    /// <summary>Device reads from this length on are no reason to keep what they brought.</summary>
    public const int CheapReadBytes = 32 * 1024;

    private ManualResetValueTaskSourceCore<IoStatus> _source;
    private int _partsLeft;

    public BlockPointer[] Pointers { get; } = new BlockPointer[maximumBlocks];

    /// <summary>Blocks that need no device: holes, and what was found in memory.</summary>
    public bool[] IsServed { get; } = new bool[maximumBlocks];

    /// <summary>Indexes of blocks that failed to read or verify.</summary>
    public List<int> Failed { get; } = new(8);

    /// <summary>
    /// What lies over blocks, as found together with their pointers.
    /// </summary>
    private readonly List<(int Index, WriteBackBlock Parts)> _over = new(8);

    /// <summary>
    /// A device that hangs may still write to <see cref="Into"/>: nothing is read there again.
    /// </summary>
    public bool IsMemoryLost { get; set; }

    public ulong FirstBlock { get; set; }

    public int Count { get; set; }

    public IoSlice Into { get; set; }

    public int BlockShift { get; set; }

    /// <summary>The stream that it goes on with, or null.</summary>
    public ReadStream? Stream { get; set; }

    /// <summary>It reads ahead: nobody has asked for the blocks yet.</summary>
    public bool IsAhead { get; init; }

    /// <summary>Device reads that were begun for it.</summary>
    public int ReadCount { get; set; }

    /// <summary>When the part that ended last had been verified; 0 if it did not look at the clock.</summary>
    public long EndedNanoseconds { get; set; }

    public ValueTask<IoStatus> Task => new(this, _source.Version);

    /// <summary>Memory of one block.</summary>
    public IoSlice BlockSlice(int index) => Into.Slice(index << BlockShift, 1 << BlockShift);

    public void Begin()
    {
        _source.Reset();
        Failed.Clear();
        IsMemoryLost = false;
        ReadCount = 0;
        EndedNanoseconds = 0;
        _partsLeft = 1;
    }

    /// <summary>Notes what lies over a block whose pointer was found in this step.</summary>
    public void SetOver(int index, WriteBackBlock? parts)
    {
        int at = _over.Count - 1;
        while (at >= 0 && _over[at].Index != index) at--;
        if (at >= 0)
        {
            _over[at].Parts.Release();
            _over.RemoveAt(at);
        }

        if (parts is null) return;
        parts.Retain();
        _over.Add((index, parts));
    }

    /// <summary>Lays that over the blocks which were read, if they were.</summary>
    public void LayOver(IoStatus status)
    {
        foreach ((int index, WriteBackBlock parts) in _over)
        {
            if (status == IoStatus.Ok) parts.LayOver(BlockSlice(index).Span);
            parts.Release();
        }

        _over.Clear();
    }

    public void AddPart() => _partsLeft++;

    public void EndPart()
    {
        if (--_partsLeft == 0) _source.SetResult(IoStatus.Ok);
    }

    public IoStatus GetResult(short token) => _source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
