using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Scrub;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Sends what a snapshot has and an earlier one has not. Blocks go out in ascending order while others are
/// being read; all that is under way has a bound, and where initiators want the devices it is little.
/// </summary>
/// <remarks>
/// Neither snapshot can be destroyed meanwhile, so no block of theirs is freed: what is read is what the
/// pointer names, or damaged.
/// </remarks>
internal sealed class StreamSender(
    PoolCore pool, StreamGate gate, StreamBegin begin, TransferProgress progress) : IDifferenceVisitor
{
    // Runs under way at most: 4 MiB.
    private const int Window = 16;

    private readonly ScanPace _pace = new(pool.Options);
    private readonly Queue<StreamRead> _underWay = new(Window);
    private readonly Stack<StreamRead> _free = new(Window);
    private readonly ulong _blockCount = (ulong)(begin.SizeBytes >> begin.BlockShift);
    private StreamOutput _output = null!;
    private StreamRead? _run;
    private IoStatus _status;
    private ulong _failedBlock;

    /// <summary>Sends.</summary>
    /// <param name="older">What the receiver has; a tree of holes for everything.</param>
    /// <param name="newer">What it shall have.</param>
    /// <param name="contentHash">Of that.</param>
    /// <param name="sink">Where to.</param>
    public async ValueTask<Outcome<StreamReport>> SendAsync(
        TreeRoot older, TreeRoot newer, Hash128 contentHash, IStreamSink sink)
    {
        if (StreamOutput.TryCreate(pool.Loop.Buffers, sink, gate) is not { } output)
            return FaultOf(IoStatus.NoMemory);
        _output = output;
        output.Begin(begin);
        progress.BlockCount = _blockCount;
        progress.Block = begin.FirstBlock;
        TreeDifference difference = new(pool.Loop, pool.Trees);
        IoStatus walked = await difference.WalkAsync(older, newer, begin.FirstBlock, this);
        if (_status == IoStatus.Ok) _status = walked;
        await StartAsync();
        while (_underWay.Count > 0) await FinishOldestAsync();
        if (_status == IoStatus.Ok) _status = await output.EndAsync(contentHash);
        else await output.SettleAsync();
        output.Dispose();
        return _status == IoStatus.Ok
            ? new StreamReport(begin.Source, output.Bytes, output.Blocks)
            : FaultOf(_status);
    }

    public async ValueTask<Descent> VisitAsync(
        int level, ulong first, BlockPointer older, BlockPointer newer)
    {
        bool isSame = !older.IsHole && !newer.IsHole && older.ContentHash == newer.ContentHash;
        if (isSame) return Descent.Skip;
        if (level > 0 && !newer.IsHole) return Descent.Enter;
        // What lies beyond the size of a snapshot is nothing of it.
        ulong end = Math.Min(first + (level == 0 ? 1 : TreeGeometry.NodeSpan(level)), _blockCount);
        first = Math.Max(first, begin.FirstBlock);
        if (first >= end) return Descent.Skip;
        if (newer.IsHole) await AddHolesAsync(new BlockRange(first, end - first));
        else await AddAsync(first, newer);
        return _status == IoStatus.Ok ? Descent.Skip : Descent.Stop;
    }

    private async ValueTask AddAsync(ulong block, BlockPointer pointer)
    {
        if (_run is { Holes.Count: 0 } && _run.TryAdd(block, pointer)) return;
        await StartAsync();
        _run = Rent();
        bool isAdded = _run.TryAdd(block, pointer);
        Check.That(isAdded);
    }

    private async ValueTask AddHolesAsync(BlockRange holes)
    {
        if (_run is { Holes.Count: > 0 } && _run.Holes.End == holes.First)
        {
            _run.Holes = new BlockRange(_run.Holes.First, _run.Holes.Count + holes.Count);
            return;
        }

        await StartAsync();
        _run = Rent();
        _run.Holes = holes;
    }

    // Starts what was gathered, when enough of what is under way has been written.
    private async ValueTask StartAsync()
    {
        if (_run is not { } run) return;
        _run = null;
        while (_underWay.Count >= (_pace.IsYielding ? 1 : Window)) await FinishOldestAsync();
        while (_status == IoStatus.Ok)
        {
            if (run.TryStart())
            {
                _underWay.Enqueue(run);
                return;
            }

            // Memory comes back with what is under way.
            if (_underWay.Count == 0) _status = IoStatus.NoMemory;
            else await FinishOldestAsync();
        }

        _free.Push(run);
    }

    private async ValueTask FinishOldestAsync()
    {
        StreamRead oldest = _underWay.Dequeue();
        long began = pool.Loop.NowNanoseconds;
        await oldest.WaitAsync();
        long took = pool.Loop.NowNanoseconds - began;
        if (_status == IoStatus.Ok)
        {
            _status = await oldest.WriteAsync(_output);
            _failedBlock = oldest.Block;
            progress.Bytes = _output.Bytes;
            progress.Block = oldest.End;
        }

        oldest.Release();
        _free.Push(oldest);
        if (gate.IsClosed && _status == IoStatus.Ok) _status = IoStatus.Aborted;
        if (_status != IoStatus.Ok) return;
        _pace.Observe(pool.Loop.NowNanoseconds, pool.ForegroundRequests);
        long rest = _pace.RestAfter(took);
        if (rest > 0) await pool.Loop.DelayAsync(rest);
    }

    private StreamRead Rent()
    {
        if (!_free.TryPop(out StreamRead? run)) run = new StreamRead(pool, gate);
        run.Clear();
        return run;
    }

    private Fault FaultOf(IoStatus status) => status switch
    {
        IoStatus.Closed => new Fault("stream-closed", $"{begin.Source}: nobody reads the stream any more",
            "Ask the receiver how far it came: cstor volume status"),
        IoStatus.Aborted => new Fault("pool-closing", $"{begin.Source}: the pool was closed"),
        IoStatus.NoMemory => new Fault("no-memory", $"{begin.Source}: no memory for a transfer now",
            "Try again later"),
        _ => new Fault("stream-read",
            $"{begin.Source}: block {_failedBlock} or its tree cannot be read ({status})",
            "See: cstor pool status"),
    };
}
