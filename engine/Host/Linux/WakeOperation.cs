using System.Runtime.InteropServices;
using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>The read of the eventfd by which other threads wake a sleeping loop; always armed.</summary>
internal sealed unsafe class WakeOperation(LinuxLoop loop, int file) : RingOperation, IDisposable
{
    private readonly ulong* _counter = (ulong*)NativeMemory.AllocZeroed(sizeof(ulong));

    public void Arm() => loop.Ring.Queue(
        this, RingConstants.OpRead, new RingFile(file, -1), 0, (nint)_counter, sizeof(ulong));

    public override void OnCompletion(int result, uint flags)
    {
        if (!loop.IsStopping) Arm();
    }

    public void Dispose()
    {
        _ = Libc.Close(file);
        NativeMemory.Free(_counter);
    }
}
