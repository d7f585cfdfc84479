using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Pools;

/// <summary>A simulated machine with two disks, and the pool on them.</summary>
internal sealed class PoolFixture : IDisposable
{
    public const int BlockBytes = 4096;

    private readonly VdevSpec[] _vdevs;

    public PoolFixture(ulong seed, long diskBytes = 128L * 1024 * 1024, bool isMirror = false)
    {
        Machine = new SimulatedMachine(seed);
        Node = Machine.AddNode("node");
        Node.Disks.Add("/dev/a", diskBytes);
        Node.Disks.Add("/dev/b", diskBytes);
        Loop = Node.CreateLoop();
        _vdevs = isMirror
            ? [new VdevSpec(VdevKind.Mirror, ["/dev/a", "/dev/b"])]
            : [new VdevSpec(VdevKind.Disk, ["/dev/a"]), new VdevSpec(VdevKind.Disk, ["/dev/b"])];
    }

    /// <summary>Disks /dev/a, /dev/b, ... and a pool on some of them.</summary>
    public PoolFixture(ulong seed, int disks, long diskBytes, params VdevSpec[] vdevs)
    {
        Machine = new SimulatedMachine(seed);
        Node = Machine.AddNode("node");
        for (int i = 0; i < disks; i++) Node.Disks.Add(PathOf(i), diskBytes);
        Loop = Node.CreateLoop();
        _vdevs = vdevs;
    }

    public SimulatedMachine Machine { get; }

    public SimulatedNode Node { get; }

    public SimulatedLoop Loop { get; private set; }

    public static string PathOf(int disk) => "/dev/" + (char)('a' + disk);

    /// <summary>Runs a step on the loop and requires that it ends, if only by a crash.</summary>
    public void Run(Func<ValueTask> body, bool mayCrash = false)
    {
        RunEnd end = Machine.Run(Loop, body);
        Assert.True(end == RunEnd.Completed || (mayCrash && end == RunEnd.NodeDied), end.ToString());
    }

    /// <summary>Cuts the power, if that is not done yet; the next step runs on a new incarnation.</summary>
    public void Crash(CrashMode mode)
    {
        if (Node.IsUp) Node.Crash(mode);
        Loop = Node.CreateLoop();
    }

    public async ValueTask<Pool> CreateAsync()
    {
        PoolRegistry registry = new(Loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<Pool> pool = await registry.CreateAsync("tank", _vdevs, force: false);
        Assert.Null(pool.Fault);
        return pool.Value;
    }

    public async ValueTask<Pool> ImportAsync(bool readOnly = false)
    {
        PoolRegistry registry = new(Loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        Assert.Null(scan.Fault);
        ImportCandidate candidate = Assert.Single(scan.Value.Pools);
        Outcome<Pool> pool = await registry.ImportAsync(candidate, readOnly, force: false);
        Assert.Null(pool.Fault);
        return pool.Value;
    }

    public static async ValueTask<Volume> VolumeAsync(
        Pool pool, int blockBytes = BlockBytes, string compression = "off", long sizeBytes = 64L << 20)
    {
        Outcome<Volume> volume = await pool.CreateVolumeAsync(
            "v", sizeBytes, blockBytes, [new("compression", compression)]);
        Assert.Null(volume.Fault);
        return volume.Value;
    }

    public async ValueTask<IoStatus> WriteAsync(
        Volume volume, long offset, byte[] bytes, bool durable = false)
    {
        IoBuffer buffer = Loop.Buffers.Rent(bytes.Length);
        bytes.CopyTo(buffer.Span);
        IoStatus status = await volume.WriteAsync(offset, buffer.First(bytes.Length), durable);
        buffer.Release();
        return status;
    }

    public async ValueTask<byte[]> ReadAsync(Volume volume, long offset, int length)
    {
        IoBuffer buffer = Loop.Buffers.Rent(length);
        Assert.Equal(IoStatus.Ok, await volume.ReadAsync(offset, buffer.First(length)));
        byte[] bytes = buffer.Span[..length].ToArray();
        buffer.Release();
        return bytes;
    }

    public static async ValueTask AssertCleanAsync(Pool pool)
    {
        CheckReport report = await PoolChecker.CheckAsync(pool);
        Assert.True(report.IsClean, report.ToString());
    }

    public static byte[] Pattern(int length, int seed)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(((i * 31) + (i >> 8) + (seed * 7)) & 0xff);
        return bytes;
    }

    public void Dispose() => Machine.Dispose();
}
