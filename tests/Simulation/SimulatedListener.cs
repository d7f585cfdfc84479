using System.Net;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

/// <summary>A listening port of a simulated node.</summary>
internal sealed class SimulatedListener(SimulatedLoop loop, IPEndPoint endPoint) : IListener
{
    private readonly Queue<SimulatedConnection> _backlog = new();
    private SimulatedCompletion<IConnection?>? _accepting;
    private bool _isClosed;

    public SimulatedLoop Loop { get; } = loop;

    public IPEndPoint LocalEndPoint { get; } = endPoint;

    public ValueTask<IConnection?> AcceptAsync()
    {
        Loop.CheckIsCurrent();
        Check.That(_accepting is null);
        if (_isClosed) return ValueTask.FromResult<IConnection?>(null);
        _accepting = new SimulatedCompletion<IConnection?>();
        ValueTask<IConnection?> task = _accepting.Task;
        if (_backlog.Count > 0) ScheduleAccept();
        return task;
    }

    public void Close()
    {
        Loop.CheckIsCurrent();
        if (_isClosed) return;
        _isClosed = true;
        Loop.Machine.Links.Remove(this);
        while (_backlog.TryDequeue(out SimulatedConnection? waiting)) waiting.Break();
        if (_accepting is not null) ScheduleAccept();
    }

    /// <summary>A handshake has ended here.</summary>
    public void Arrive(SimulatedConnection connection)
    {
        _backlog.Enqueue(connection);
        if (_accepting is not null) ScheduleAccept();
    }

    private void ScheduleAccept() => Loop.Machine.At(Loop.Machine.Latency(4096, 20_000), Loop, "accept", () =>
    {
        if (_accepting is null) return;
        if (!_backlog.TryDequeue(out SimulatedConnection? connection) && !_isClosed) return;
        SimulatedCompletion<IConnection?> accepting = _accepting;
        _accepting = null;
        accepting.Complete(connection);
    });
}
