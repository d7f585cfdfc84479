using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Tests.Bench.Writes;

/// <summary>
/// Whether memory stays what it is while a pool is used for long: random reads, writes of blocks and of
/// parts, durable ones, unmaps, and a snapshot that replaces the one before each minute.
/// </summary>
internal sealed class MemoryBench(LinuxLoop loop, string poolPath, int minutes)
{
    private const long VolumeBytes = 2L << 30;
    private const int Workers = 8;
    private const long PauseNanoseconds = 1_000_000;
    private const int Kinds = 8;

    // In the first half caches and tables grow to what they are bounded by; the third quarter is the measure.
    private readonly int _warmUpMinutes = minutes / 2;
    private readonly int _measureMinutes = minutes * 3 / 4;

    private readonly List<Volume> _volumes = [];
    private ulong _state = 11;
    private long _requests;
    private bool _isOver;

    /// <summary>Promises that were not kept.</summary>
    public int Missed { get; private set; }

    public async ValueTask<bool> RunAsync()
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<Pool> created =
            await registry.CreateAsync("bench", [new VdevSpec(VdevKind.Disk, [poolPath])], force: true);
        if (created.Fault is { } fault) throw new InvalidOperationException(fault.ToString());
        Pool pool = created.Value;
        foreach (int blockBytes in (int[])[4096, 16384, 131072])
        {
            Outcome<Volume> volume =
                await pool.CreateVolumeAsync($"b{blockBytes}", VolumeBytes, blockBytes, []);
            if (volume.Fault is { } refused) throw new InvalidOperationException(refused.ToString());
            _volumes.Add(volume.Value);
        }

        Task[] workers = new Task[Workers];
        for (int i = 0; i < workers.Length; i++) workers[i] = WorkAsync();
        long early = 0;
        long late = 0;
        for (int minute = 1; minute <= minutes; minute++)
        {
            await loop.DelayAsync(60_000_000_000);
            if (minute > 1) await pool.DestroySnapshotAsync("b4096", $"m{minute - 1}");
            await pool.SnapshotAsync(["b4096"], $"m{minute}");
            long resident = Machine.ResidentBytes();
            Console.WriteLine(
                $"minute {minute}: {_requests} requests, resident {resident >> 20} MiB, "
                + $"managed {GC.GetTotalMemory(false) >> 20} MiB, {GC.CollectionCount(2)} full collections");
            if (minute > _measureMinutes) late = Math.Max(late, resident);
            else if (minute > _warmUpMinutes) early = Math.Max(early, resident);
        }

        _isOver = true;
        foreach (Task worker in workers) await worker;
        bool isFlat = late <= early + (early / 20);
        if (!isFlat) Missed++;
        Console.WriteLine(
            $"resident MiB at most: {early >> 20} in the third quarter, {late >> 20} in the last"
            + (isFlat ? "" : "  missed: more than a twentieth above"));
        return await pool.CloseAsync(exported: false) == IoStatus.Ok && isFlat;
    }

    private async Task WorkAsync()
    {
        IoBuffer buffer = loop.Buffers.Rent(1 << 17);
        loop.FillRandom(buffer.Span);
        while (!_isOver)
        {
            Volume volume = _volumes[(int)(Next() % (ulong)_volumes.Count)];
            int length = 1 << (int)(9 + (Next() % 6));
            long offset = (long)(Next() % (ulong)(VolumeBytes / length)) * length;
            IoStatus status = (Next() % Kinds) switch
            {
                0 => await volume.UnmapAsync(offset, length),
                1 => await volume.WriteAsync(offset, buffer.First(length), durable: true),
                2 or 3 or 4 => await volume.WriteAsync(offset, buffer.First(length), durable: false),
                _ => await volume.ReadAsync(offset, buffer.First(length)),
            };
            if (status != IoStatus.Ok) throw new InvalidOperationException($"a request ended with {status}");
            _requests++;
            await loop.DelayAsync(PauseNanoseconds);
        }

        buffer.Release();
    }

    private ulong Next()
    {
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return unchecked(_state * 0x2545F4914F6CDD1D) >> 8;
    }
}
