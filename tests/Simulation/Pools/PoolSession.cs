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
    // Faults that a pool may give whose devices fail: the operation is then in doubt until the next import.
    private static readonly string[] DeviceFaults = ["pool-stopped", "device-error", "pool-write-failed"];

    private const int KeptProblems = 6;

    private readonly List<VolumeDriver> _drivers = [];

    public Pool Pool { get; } = pool;

    public IReadOnlyList<VolumeDriver> Drivers => _drivers;

    /// <summary>Devices fail in this life, beyond what the pool can hide.</summary>
    public bool IsMisfortune { get; set; }

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
        if (!IsDone(created.Fault, "volume create")) return;
        volume.IsInDoubt = false;
        Attach(volume);
    }

    public async ValueTask DestroyVolumeAsync(VolumeDriver driver)
    {
        VolumeModel volume = ModelOf(driver);
        _drivers.Remove(driver);
        volume.IsInDoubt = true;
        Outcome<Unit> done = await Pool.DestroyVolumeAsync(volume.Name);
        if (!IsDone(done.Fault, "volume destroy")) return;
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
        _drivers.Remove(driver);
        Outcome<Unit> done = await Pool.ResizeVolumeAsync(volume.Name, sizeBytes);
        if (!IsDone(done.Fault, "volume resize")) return;
        PoolModel.EndResize(volume);
        _drivers.Insert(0, driver);
    }

    /// <summary>Requests may be under way.</summary>
    public async ValueTask SetPropertyAsync(VolumeDriver driver, string property, string value)
    {
        Outcome<Unit> done = await Pool.SetPropertyAsync(ModelOf(driver).Name, property, value);
        IsDone(done.Fault, "volume set");
    }

    public ValueTask WorkAsync(WorkloadMix mix, int requests) =>
        Workload.RunAsync(loop, _drivers, world.Random, mix, requests);

    public async ValueTask CheckpointAsync(IReadOnlyCollection<IoStatus> allowedFailures)
    {
        IoStatus status = await Pool.CheckpointAsync();
        if (status != IoStatus.Ok && !allowedFailures.Contains(status))
            throw new OracleException($"checkpoint gave {status}");
    }

    /// <summary>
    /// The whole-pool check must find nothing, but for the copies on a disk that is lost or failing.
    /// </summary>
    public async ValueTask CheckAsync(bool hasVictim)
    {
        CheckReport report = await PoolChecker.CheckAsync(Pool);
        string[] problems = [.. report.Problems.Where(problem => !hasVictim || !IsOfOneCopy(problem))];
        if (problems.Length == 0) return;
        string first = string.Join("\n  ", problems.Take(KeptProblems));
        throw new OracleException($"the check found {report.ProblemCount}: {first}");
    }

    private static bool IsOfOneCopy(string problem) =>
        problem.Contains("wrong or unreadable on", StringComparison.Ordinal);

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

    private bool IsDone(Fault? fault, string what)
    {
        if (fault is null) return true;
        if (IsMisfortune && DeviceFaults.Contains(fault.Code)) return false;
        throw new OracleException($"{what}: {fault}");
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
