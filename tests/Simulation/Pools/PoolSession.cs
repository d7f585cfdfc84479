// The pool as it is open in one life of its node. Every operation is told to the model before and after, so
// that a crash at any point in between finds the model right.
using System.Globalization;
using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Workloads;

namespace Cstor.Tests.Simulation.Pools;

internal sealed class PoolSession(PoolWorld world, SimulatedLoop loop, PoolRegistry registry, Pool pool)
{
    private const int KeptProblems = 6;

    private readonly List<VolumeDriver> _drivers = [];

    public Pool Pool { get; } = pool;

    public IReadOnlyList<VolumeDriver> Drivers => _drivers;

    /// <summary>
    /// After an import: the volumes must be those of the model, and each block one that is allowed.
    /// </summary>
    public async ValueTask SettleAsync(bool isAfterCrash)
    {
        world.Model.Reconcile(Pool.Volumes);
        foreach (VolumeModel volume in world.Model.Volumes) Attach(volume);
        foreach (VolumeDriver driver in _drivers) await driver.VerifyAsync(isAfterCrash);
        if (isAfterCrash) world.Model.EndOfCrash(mustBePrefix: true);
    }

    public async ValueTask CreateVolumeAsync(string name, long sizeBytes, int blockBytes, string compression)
    {
        VolumeModel volume = world.Model.BeginCreate(name, sizeBytes, blockBytes);
        Outcome<Volume> created = await Pool.CreateVolumeAsync(
            name, sizeBytes, blockBytes, [new KeyValuePair<string, string>("compression", compression)]);
        if (!created.IsOk) throw new OracleException($"volume create {name}: {created.Fault}");
        volume.IsInDoubt = false;
        Attach(volume);
    }

    public async ValueTask DestroyVolumeAsync(VolumeDriver driver)
    {
        VolumeModel volume = ModelOf(driver);
        _drivers.Remove(driver);
        volume.IsInDoubt = true;
        Outcome<Unit> done = await Pool.DestroyVolumeAsync(volume.Name);
        if (!done.IsOk) throw new OracleException($"volume destroy {volume.Name}: {done.Fault}");
        world.Model.Remove(volume);
    }

    /// <summary>No request to the volume may be under way.</summary>
    public async ValueTask ResizeVolumeAsync(VolumeDriver driver, long sizeBytes)
    {
        VolumeModel volume = ModelOf(driver);
        volume.NewSizeBytes = sizeBytes;
        long beyond = volume.Oracle.SizeBytes - sizeBytes;
        // Cut off in between, the end may be zeroed while the size is still the old one.
        if (beyond > 0) volume.Oracle.BeginUnmap(sizeBytes, beyond);
        Outcome<Unit> done = await Pool.ResizeVolumeAsync(volume.Name, sizeBytes);
        if (!done.IsOk) throw new OracleException($"volume resize {volume.Name}: {done.Fault}");
        PoolModel.EndResize(volume);
    }

    public ValueTask WorkAsync(WorkloadMix mix, int requests) =>
        Workload.RunAsync(loop, _drivers, world.Random, mix, requests);

    public async ValueTask CheckpointAsync(IReadOnlyCollection<IoStatus> allowedFailures)
    {
        IoStatus status = await Pool.CheckpointAsync();
        if (status != IoStatus.Ok && !allowedFailures.Contains(status))
            throw new OracleException($"checkpoint gave {status}");
    }

    /// <summary>The whole-pool check must find nothing.</summary>
    public async ValueTask CheckAsync()
    {
        CheckReport report = await PoolChecker.CheckAsync(Pool);
        string problems = string.Join("\n  ", report.Problems.Take(KeptProblems));
        if (!report.IsClean) throw new OracleException($"the check found {report.ProblemCount}: {problems}");
    }

    /// <summary>Closes the pool in good order; nothing may be lost by it.</summary>
    public async ValueTask ExportAsync()
    {
        Outcome<Unit> done = await registry.ExportAsync(PoolWorld.PoolName, force: false);
        if (!done.IsOk) throw new OracleException($"export failed: {done.Fault}");
        if (loop.Buffers.RentedCount != 0)
        {
            string count = loop.Buffers.RentedCount.ToString(CultureInfo.InvariantCulture);
            throw new OracleException($"{count} buffers were not returned");
        }
    }

    private VolumeModel ModelOf(
        VolumeDriver driver) => world.Model.Volumes.Single(v => v.Oracle == driver.Oracle);

    private void Attach(VolumeModel volume)
    {
        Volume? actual = Pool.FindVolume(volume.Name);
        if (actual is null) throw new OracleException($"volume {volume.Name} is not found");
        _drivers.Add(new VolumeDriver(loop, actual, volume.Oracle, world.Random));
    }
}
