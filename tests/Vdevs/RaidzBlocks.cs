using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

/// <summary>
/// Blocks of many lengths with random contents, behind each other on vdev 0, written in runs.
/// </summary>
internal sealed class RaidzBlocks
{
    private static readonly int[] Sectors = [1, 2, 3, 1, 4, 5, 7, 8, 1, 1, 16, 31, 32, 2, 6, 9];

    private readonly VdevRig _rig;
    private readonly Hash128[] _sums = new Hash128[Sectors.Length];
    private readonly long[] _places = new long[Sectors.Length];
    private readonly int _seed;
    private readonly long _firstSector;

    public RaidzBlocks(VdevRig rig, int seed, long firstSector = 1)
    {
        _rig = rig;
        _seed = seed;
        _firstSector = firstSector + (seed % 7);
    }

    public int Count => Sectors.Length;

    /// <summary>Overwrites everything between the labels.</summary>
    public static void Scramble(SimulatedDisk disk, ulong seed)
    {
        Random random = new((int)seed);
        byte[] garbage = new byte[Layout.SectorBytes];
        const long End = Layout.DataStartBytes + (256 << Layout.SectorShift);
        for (long at = Layout.DataStartBytes; at < End; at += Layout.SectorBytes)
        {
            random.NextBytes(garbage);
            disk.Poke(at, garbage);
        }
    }

    public async ValueTask WriteAsync(PoolDevices pool)
    {
        Random random = new(_seed);
        long sector = _firstSector;
        for (int i = 0; i < Count;)
        {
            int run = Math.Min(Count - i, random.Next(1, 6));
            long first = sector;
            IoBuffer[] buffers = new IoBuffer[run];
            IoSlice[] slices = new IoSlice[run];
            for (int k = 0; k < run; k++)
            {
                int bytes = Sectors[i + k] * Layout.SectorBytes;
                buffers[k] = _rig.Loop.Buffers.Rent(bytes);
                slices[k] = buffers[k].First(bytes);
                random.NextBytes(slices[k].Span);
                _sums[i + k] = Xxh128.Compute(slices[k].Span);
                _places[i + k] = sector;
                sector += pool.Geometry(0).AllocatedSectors(Sectors[i + k]);
            }

            Assert.Equal(IoStatus.Ok, await pool.WriteAsync(new BlockPlace(0, first), slices));
            foreach (IoBuffer buffer in buffers) buffer.Release();
            i += run;
        }
    }

    /// <summary>Plain reads; every block must be right.</summary>
    public async ValueTask ReadAllAsync(PoolDevices pool)
    {
        for (int i = 0; i < Count; i++)
        {
            IoBuffer buffer = _rig.Loop.Buffers.Rent(Sectors[i] * Layout.SectorBytes);
            IoSlice into = buffer.First(Sectors[i] * Layout.SectorBytes);
            IoStatus status = await pool.ReadAsync(new BlockPlace(0, _places[i]), into);
            bool isRight = status == IoStatus.Ok && Xxh128.Compute(into.Span) == _sums[i];
            buffer.Release();
            Assert.True(isRight, $"block {i}: {status}");
        }
    }

    /// <summary>Reads of several blocks at once.</summary>
    public async ValueTask ReadRunsAsync(PoolDevices pool)
    {
        for (int run = 2; run <= Count; run += 3)
        {
            for (int first = 0; first + run <= Count; first += run)
            {
                IoBuffer[] buffers = new IoBuffer[run];
                IoSlice[] slices = new IoSlice[run];
                for (int k = 0; k < run; k++)
                {
                    int bytes = Sectors[first + k] * Layout.SectorBytes;
                    buffers[k] = _rig.Loop.Buffers.Rent(bytes);
                    slices[k] = buffers[k].First(bytes);
                    slices[k].Span.Clear();
                }

                IoStatus status = await pool.ReadAsync(new BlockPlace(0, _places[first]), slices);
                int wrong = Enumerable.Range(0, run)
                    .Count(k => Xxh128.Compute(slices[k].Span) != _sums[first + k]);
                foreach (IoBuffer buffer in buffers) buffer.Release();
                Assert.Equal((IoStatus.Ok, 0), (status, wrong));
            }
        }
    }

    /// <summary>Gives blocks to the devices that lack them.</summary>
    public async ValueTask RebuildAsync(PoolDevices pool)
    {
        for (int i = 0; i < Count; i++)
        {
            IoBuffer buffer = _rig.Loop.Buffers.Rent(Sectors[i] * Layout.SectorBytes);
            IoSlice into = buffer.First(Sectors[i] * Layout.SectorBytes);
            Assert.Equal(IoStatus.Ok, await pool.ReadAsync(new BlockPlace(0, _places[i]), into));
            Assert.Equal(IoStatus.Ok, await pool.RebuildAsync(new BlockPlace(0, _places[i]), [into]));
            buffer.Release();
        }
    }

    public async ValueTask<Examination> ExamineAsync(PoolDevices pool, int block, ExamineMode mode)
    {
        IoBuffer buffer = _rig.Loop.Buffers.Rent(Sectors[block] * Layout.SectorBytes);
        IoSlice into = buffer.First(Sectors[block] * Layout.SectorBytes);
        Examination found = await pool.ExamineAsync(
            new BlockPlace(0, _places[block]), into, slice =>
                Xxh128.Compute(slice.Span) == _sums[block], mode);
        bool isRight = Xxh128.Compute(into.Span) == _sums[block];
        buffer.Release();
        Assert.Equal(found.Status == IoStatus.Ok, isRight);
        return found;
    }

    /// <summary>Examines every block; each must be found.</summary>
    public async ValueTask<List<Examination>> CheckAllAsync(PoolDevices pool, ExamineMode mode)
    {
        List<Examination> all = [];
        for (int i = 0; i < Count; i++)
        {
            all.Add(await ExamineAsync(pool, i, mode));
            Assert.Equal(IoStatus.Ok, all[^1].Status);
        }

        return all;
    }
}
