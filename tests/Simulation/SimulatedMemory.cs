using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

/// <summary>
/// Memory of a simulated machine: as much as a test says is left. What is given back is full of noise
/// before it goes.
/// </summary>
public sealed class SimulatedMemory(SimulatedLoop loop) : IMemory, IDisposable
{
    private readonly HashSet<nint> _taken = [];

    /// <summary>Of the machine.</summary>
    public long TotalBytes { get; set; } = 64L << 30;

    /// <summary>Left, besides what was taken here.</summary>
    public long OthersLeaveBytes { get; set; } = 64L << 30;

    /// <summary>Taken and not given back.</summary>
    public long TakenBytes { get; private set; }

    /// <summary>The most that was ever taken at once.</summary>
    public long PeakBytes { get; private set; }

    public unsafe nint Take(int lengthBytes)
    {
        nint address = (nint)NativeMemory.AlignedAlloc((nuint)lengthBytes, (nuint)lengthBytes);
        _taken.Add(address);
        TakenBytes += lengthBytes;
        PeakBytes = Math.Max(PeakBytes, TakenBytes);
        return address;
    }

    public unsafe void GiveBack(nint address, int lengthBytes)
    {
        bool isKnown = _taken.Remove(address);
        Check.That(isKnown);
        new Span<byte>((void*)address, lengthBytes).Fill(0xA5);
        NativeMemory.AlignedFree((void*)address);
        TakenBytes -= lengthBytes;
    }

    public async ValueTask<MemoryLevel> MeasureAsync()
    {
        await loop.DelayAsync(100_000);
        return new MemoryLevel(TotalBytes, Math.Max(0, OthersLeaveBytes - TakenBytes));
    }

    public unsafe void Dispose()
    {
        foreach (nint address in _taken) NativeMemory.AlignedFree((void*)address);
        _taken.Clear();
    }
}
