// Random requests to one volume, each told to the oracle, each answer checked by it. Requests that change a
// block hold its lock, so that the oracle knows their order; reads race with them. The memory of a request is
// spoilt as soon as it is answered, and often unaligned.
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Workloads;

internal sealed class VolumeDriver(
    SimulatedLoop loop, IBlockVolume volume, BlockOracle oracle, SimulatedRandom random)
{
    private const int SectorBytes = SectorStamp.SectorBytes;
    private const int VerifyBytes = 256 * 1024;

    private readonly HashSet<long> _locked = [];
    private long _readEnd;

    public IBlockVolume Volume { get; } = volume;

    public BlockOracle Oracle { get; } = oracle;

    /// <summary>Requests that failed as the mix allows.</summary>
    public int Failures { get; private set; }

    /// <summary>One request, drawn from the mix.</summary>
    public ValueTask StepAsync(WorkloadMix mix)
    {
        int choice = random.Below(mix.Writes + mix.Reads + mix.Unmaps + mix.Flushes);
        if (choice >= mix.Writes + mix.Reads + mix.Unmaps) return FlushAsync(mix);
        (long offset, int length) = Range(mix);
        if (choice < mix.Writes) return WriteAsync(mix, offset, length, random.Chance(mix.Durable));
        if (choice < mix.Writes + mix.Reads)
        {
            if (random.Chance(mix.Sequential) && _readEnd + length <= Oracle.SizeBytes) offset = _readEnd;
            _readEnd = offset + length;
            return ReadAsync(mix, offset, length);
        }

        int most = (int)((Oracle.SizeBytes - offset) / SectorBytes);
        if (random.Chance(mix.LongUnmap)) length = random.Between(1, most) * SectorBytes;
        return UnmapAsync(mix, offset, length);
    }

    public async ValueTask WriteAsync(WorkloadMix mix, long offset, int length, bool isDurable)
    {
        if (!TryLock(ref offset, ref length)) return;
        IoBuffer buffer = loop.Buffers.Rent(length + SectorBytes);
        IoSlice payload = buffer.Slice.Slice(random.Coin() ? 0 : SectorBytes, length);
        OracleRequest request = Oracle.BeginWrite(offset, payload.Span);
        IoStatus status = await Volume.WriteAsync(offset, payload, isDurable);
        payload.Span.Fill(0xEE);
        buffer.Release();
        if (IsOk(mix, status, "write", offset, length)) Oracle.End(request, isDurable);
        Unlock(offset, length);
    }

    public async ValueTask UnmapAsync(WorkloadMix mix, long offset, int length)
    {
        if (!TryLock(ref offset, ref length)) return;
        OracleRequest request = Oracle.BeginUnmap(offset, length);
        IoStatus status = await Volume.UnmapAsync(offset, length);
        if (IsOk(mix, status, "unmap", offset, length)) Oracle.End(request, isDurable: false);
        Unlock(offset, length);
    }

    public async ValueTask ReadAsync(WorkloadMix mix, long offset, int length)
    {
        IoBuffer buffer = loop.Buffers.Rent(length + SectorBytes);
        IoSlice payload = buffer.Slice.Slice(random.Coin() ? 0 : SectorBytes, length);
        OracleRead read = Oracle.BeginRead(offset, length);
        IoStatus status = await Volume.ReadAsync(offset, payload);
        if (IsOk(mix, status, "read", offset, length))
            Oracle.EndRead(read, payload.Span);
        else
            Oracle.FailRead(read);
        buffer.Release();
    }

    public async ValueTask FlushAsync(WorkloadMix mix)
    {
        long mark = Oracle.BeginFlush();
        IoStatus status = await Volume.FlushAsync();
        if (IsOk(mix, status, "flush", 0, 0)) Oracle.EndFlush(mark);
    }

    /// <summary>Reads the whole volume and checks it; after a crash, settles what it is.</summary>
    public async ValueTask VerifyAsync(bool isAfterCrash)
    {
        int step = Math.Max(Oracle.BlockBytes, VerifyBytes / Oracle.BlockBytes * Oracle.BlockBytes);
        IoBuffer buffer = loop.Buffers.Rent(step);
        for (long offset = 0; offset < Oracle.SizeBytes; offset += step)
        {
            int length = (int)Math.Min(step, Oracle.SizeBytes - offset);
            IoSlice payload = buffer.First(length);
            OracleRead? read = isAfterCrash ? null : Oracle.BeginRead(offset, length);
            IoStatus status = await Volume.ReadAsync(offset, payload);
            if (status != IoStatus.Ok)
                throw new OracleException($"{Volume.Name}: read at {offset} gave {status}");
            if (read is not null) Oracle.EndRead(read, payload.Span);
            for (int at = 0; at < length && isAfterCrash; at += Oracle.BlockBytes)
                Oracle.Settle((offset + at) / Oracle.BlockBytes, payload.Span.Slice(at, Oracle.BlockBytes));
        }

        buffer.Release();
    }

    private (long Offset, int Length) Range(WorkloadMix mix)
    {
        long blocks = Oracle.SizeBytes / Oracle.BlockBytes;
        long hot = random.Chance(0.6) ? Math.Max(1, blocks / 8) : blocks;
        long block = random.Below(hot);
        int most = Math.Max(1, mix.MaximumBytes / Oracle.BlockBytes);
        int count = random.Below(10) switch
        {
            < 6 => 1,
            < 9 => random.Between(1, Math.Min(8, most)),
            _ => random.Between(1, most),
        };
        long length = Math.Min(count, blocks - block) * Oracle.BlockBytes;
        long offset = block * Oracle.BlockBytes;
        if (!random.Chance(mix.Partial)) return (offset, (int)length);
        int skip = random.Below((int)(length / SectorBytes));
        int sectors = random.Between(1, (int)(length / SectorBytes) - skip);
        return (offset + (skip * SectorBytes), sectors * SectorBytes);
    }

    // Widens the range to whole blocks where a failed request left it open what a block holds.
    private bool TryLock(ref long offset, ref int length)
    {
        int block = Oracle.BlockBytes;
        long first = offset / block;
        long last = (offset + length - 1) / block;
        for (long b = first; b <= last; b++)
        {
            if (_locked.Contains(b)) return false;
        }

        if (Oracle.IsOpen(first) || Oracle.IsOpen(last))
        {
            offset = first * block;
            length = (int)(last - first + 1) * block;
        }

        for (long b = first; b <= last; b++) _locked.Add(b);
        return true;
    }

    private void Unlock(long offset, int length)
    {
        long last = (offset + length - 1) / Oracle.BlockBytes;
        for (long b = offset / Oracle.BlockBytes; b <= last; b++) _locked.Remove(b);
    }

    private bool IsOk(WorkloadMix mix, IoStatus status, string what, long offset, long length)
    {
        if (status == IoStatus.Ok) return true;
        if (!mix.AllowedFailures.Contains(status))
            throw new OracleException($"{Volume.Name}: {what} of {length} bytes at {offset} gave {status}");
        Failures++;
        return false;
    }
}
