// A node that serves its pool's volumes as iSCSI targets, as the daemon does, on one loop; started anew after
// each death.
using System.Net;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Tests.Simulation.Pools;

namespace Cstor.Tests.Simulation.Initiators;

internal sealed class ServedPool(PoolWorld world)
{
    private const int Port = 3260;

    private SimulatedLoop? _loop;
    private PoolSession? _session;
    private TargetServer? _server;

    /// <summary>Logins are answered.</summary>
    public bool IsServing { get; private set; }

    public IPEndPoint Portal => new(world.Node.Address, Port);

    /// <summary>The volumes as they are open on the node; for their names and sizes only.</summary>
    public IReadOnlyList<Volume> Volumes => _session!.Pool.Volumes;

    public static string IqnOf(Volume volume) =>
        "iqn.2026-11.io.cstor:" + volume.Name.Replace('/', '.');

    /// <summary>Boots the node; <see cref="IsServing"/> tells when it is done.</summary>
    public void Start(Func<PoolSession, ValueTask> prepare)
    {
        IsServing = false;
        SimulatedLoop loop = _loop = world.Node.CreateLoop();
        loop.Post(() => _ = StartAsync(loop, prepare));
    }

    /// <summary>Shuts down in good order; <see cref="IsServing"/> is false when it is done.</summary>
    public void Stop() => _loop!.Post(() => _ = StopAsync());

    private async Task StopAsync()
    {
        try
        {
            await _server!.CloseAsync();
            await _session!.ExportAsync();
            IsServing = false;
        }
        catch (Exception failure)
        {
            world.Machine.ReportFailure(failure);
            throw;
        }
    }

    private async Task StartAsync(SimulatedLoop loop, Func<PoolSession, ValueTask> prepare)
    {
        try
        {
            bool isNew = !world.IsCreated;
            _session = await world.OpenAsync(loop);
            if (!isNew) world.Model.Reconcile(_session.Pool.Volumes);
            await prepare(_session);
            _server = new TargetServer(loop, world.Log, new TargetOptions { LogicalBlockBytes = 512 });
            foreach (Volume volume in Volumes)
            {
                if (_server.AddTarget(new TargetDefinition(IqnOf(volume), volume)).Fault is { } fault)
                    throw new InvalidOperationException(fault.ToString());
            }

            if (_server.Listen(Portal).Fault is { } refusal)
                throw new InvalidOperationException(refusal.ToString());
            IsServing = true;
        }
        catch (Exception failure)
        {
            world.Machine.ReportFailure(failure);
            throw;
        }
    }
}
