// A computer of the simulated world. Its disks outlive it: a power cut (Crash) loses what their caches held,
// by chance and by sector; a kill (Kill, as by SIGKILL) only ends the process, and the kernel finishes what
// was submitted. Either way every loop of the node is dead, and a new incarnation begins with the next
// CreateLoop.
using System.Net;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedNode
{
    private readonly List<SimulatedLoop> _loops = [];
    private (long Boundary, bool IsMidway, CrashMode Mode)? _plannedCut;

    internal SimulatedNode(SimulatedMachine machine, string name, int number)
    {
        Machine = machine;
        Name = name;
        Address = new IPAddress([10, 0, checked((byte)(number >> 8)), (byte)(number & 255)]);
        Random = SimulatedRandom.For(machine.Seed, "node " + name);
        ClockOffsetNanoseconds = Random.Between(1_000_000_000L, 1_000_000_000_000L);
        Disks = new SimulatedDisks(this);
    }

    public SimulatedMachine Machine { get; }

    public string Name { get; }

    public IPAddress Address { get; }

    public SimulatedDisks Disks { get; }

    /// <summary>
    /// Called at every write, discard and flush, before it is begun: the points where a power cut is
    /// interesting.
    /// </summary>
    public Action<WriteBoundary>? OnWriteBoundary { get; set; }

    /// <summary>Writes, discards and flushes submitted to this node's disks so far.</summary>
    public long WriteBoundaryCount { get; private set; }

    /// <summary>Grows by one with each death.</summary>
    public int Incarnation { get; private set; }

    /// <summary>
    /// Whether the node takes part: false between a power cut and the next <see cref="CreateLoop"/>.
    /// </summary>
    public bool IsUp => _loops.Count > 0;

    internal SimulatedRandom Random { get; }

    internal long ClockOffsetNanoseconds { get; }

    /// <summary>
    /// A loop of the present incarnation. Its buffers may take up to <paramref name="bufferLimitBytes"/>.
    /// </summary>
    public SimulatedLoop CreateLoop(long bufferLimitBytes = 256L * 1024 * 1024)
    {
        SimulatedLoop loop = new(this, _loops.Count, bufferLimitBytes);
        _loops.Add(loop);
        Machine.Register(loop);
        return loop;
    }

    /// <summary>
    /// Plans a power cut at a write boundary, counted from 0 over the node's life: before that request
    /// reaches the disk,
    /// or (<paramref name="isMidway"/>) with it under way.
    /// </summary>
    public void CrashAtWrite(long boundary, bool isMidway, CrashMode mode) =>
        _plannedCut = (boundary, isMidway, mode);

    /// <summary>Forgets a planned power cut.</summary>
    public void CancelCrash() => _plannedCut = null;

    /// <summary>Power is cut now.</summary>
    public void Crash(CrashMode mode)
    {
        Die();
        Disks.LosePower(mode, Random);
        Machine.Links.OnPowerCut(this);
    }

    /// <summary>
    /// The process is killed now: requests under way reach the disks, their caches survive, connections are
    /// reset.
    /// </summary>
    public void Kill()
    {
        Die();
        Disks.FinishSubmitted();
        Machine.Links.OnKilled(this);
    }

    /// <returns>False when the power went off before the request reached the disk.</returns>
    internal bool PassBoundary(SimulatedDisk disk, DiskRequestKind kind, long offsetBytes, long lengthBytes)
    {
        long boundary = WriteBoundaryCount++;
        OnWriteBoundary?.Invoke(new WriteBoundary(boundary, disk, kind, offsetBytes, lengthBytes));
        if (_plannedCut is not { IsMidway: false } cut || cut.Boundary != boundary) return true;
        _plannedCut = null;
        Crash(cut.Mode);
        return false;
    }

    /// <summary>Called once the request is under way.</summary>
    internal void PassMidway()
    {
        if (_plannedCut is not { IsMidway: true } cut || cut.Boundary != WriteBoundaryCount - 1) return;
        _plannedCut = null;
        Crash(cut.Mode);
    }

    private void Die()
    {
        Check.That(IsUp);
        foreach (SimulatedLoop loop in _loops) loop.IsDead = true;
        _loops.Clear();
        Incarnation++;
    }
}
