// A machine with one pool on it and the model of what the pool must hold; both outlive the pool's crashes.
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Pools;

internal sealed class PoolWorld : IDisposable
{
    public const string PoolName = "tank";
    private const long DiskBytes = 80L * 1024 * 1024;

    /// <param name="seed">Of everything random.</param>
    /// <param name="shape">Vdevs of the pool.</param>
    /// <param name="diskBytes">Size of the first disk; each next one is a megabyte larger.</param>
    public PoolWorld(ulong seed, PoolShape shape, long diskBytes = DiskBytes)
        : this(seed, new PoolModel())
    {
        for (int disk = 0; disk < shape.DiskCount; disk++)
            Node.Disks.Add(PoolShape.PathOf(disk), diskBytes + (disk * 1024 * 1024));
        Shape = shape;
    }

    /// <summary>What a crash left of another world.</summary>
    public PoolWorld(ulong seed, PoolWorld other, CrashMode mode)
        : this(seed, other.Model.Clone())
    {
        foreach (SimulatedDisk disk in other.Node.Disks.All) Node.Disks.Add(disk.ImageAfterCrash(mode, seed));
        Shape = other.Shape;
        IsCreated = other.IsCreated;
        Options = other.Options;
        Model.Crash();
    }

    private PoolWorld(ulong seed, PoolModel model)
    {
        Machine = new SimulatedMachine(seed);
        Node = Machine.AddNode("host");
        Random = SimulatedRandom.For(seed, "world");
        Model = model;
        Shape = PoolShape.Single;
        byte[] host = new byte[16];
        new SimulatedRandom(1).Fill(host);
        Options = new PoolOptions
        {
            Host = new HostIdentity("host", new Guid(host)),
            // Everything is let go at once, or often, or hardly ever.
            CacheBytes = (seed % 3) switch { 0 => 256L << 10, 1 => 2L << 20, _ => 64L << 20 },
        };
    }

    public SimulatedMachine Machine { get; }

    public SimulatedNode Node { get; }

    public SimulatedRandom Random { get; }

    public PoolModel Model { get; }

    public PoolShape Shape { get; }

    public RunLog Log { get; } = new();

    public PoolOptions Options { get; set; }

    /// <summary>The read cache has the fault that it is made to be without.</summary>
    public bool IsCacheFaulty { get; set; }

    /// <summary>The pool's creation was acknowledged.</summary>
    public bool IsCreated { get; private set; }

    /// <summary>Drives the world through one life of the node; a failure carries the pool's log.</summary>
    public RunEnd Live(Func<SimulatedLoop, ValueTask> life)
    {
        SimulatedLoop loop = Node.CreateLoop();
        try
        {
            return loop.Run(() => life(loop));
        }
        catch (SimulationException failure)
        {
            throw new SimulationException($"{failure.Message}\n--- log\n{Log}", failure);
        }
    }

    /// <summary>Creates the pool if it was never acknowledged to exist, else imports it.</summary>
    public async ValueTask<PoolSession> OpenAsync(SimulatedLoop loop, bool readOnly = false)
    {
        PoolRegistry registry = new(loop, Log, Options);
        registry.Cache.IsKeyedByPlaceAlone = IsCacheFaulty;
        if (IsCreated) return new PoolSession(this, loop, registry, await ImportAsync(registry, readOnly));
        Outcome<Pool> pool = await registry.CreateAsync(PoolName, Shape.Specs(), force: true);
        if (!pool.IsOk) throw new OracleException($"creation failed: {pool.Fault}");
        IsCreated = true;
        return new PoolSession(this, loop, registry, pool.Value);
    }

    public void Dispose() => Machine.Dispose();

    private static async ValueTask<Pool> ImportAsync(PoolRegistry registry, bool readOnly)
    {
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        if (!scan.IsOk) throw new OracleException($"scan failed: {scan.Fault}");
        ImportCandidate[] found = [.. scan.Value.Pools.Where(candidate => candidate.Name == PoolName)];
        if (found.Length != 1) throw new OracleException($"scan found {found.Length} pools");
        Outcome<Pool> pool = await registry.ImportAsync(found[0], readOnly, force: false);
        return pool.IsOk ? pool.Value : throw new OracleException($"import failed: {pool.Fault}");
    }
}
