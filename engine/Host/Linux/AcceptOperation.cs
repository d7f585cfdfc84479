using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>A listener's accept; the result is a descriptor or a negative errno.</summary>
internal sealed class AcceptOperation(LinuxLoop loop) : AwaitableOperation<int>
{
    public bool IsUnderWay { get; private set; }

    public ValueTask<int> Start(RingFile file)
    {
        IsUnderWay = true;
        ValueTask<int> task = Task;
        loop.Ring.Queue(this, RingConstants.OpAccept, file, 0, 0, 0, LibcConstants.SocketCloseOnExec);
        return task;
    }

    public override void OnCompletion(int result, uint flags)
    {
        IsUnderWay = false;
        Finish(result);
    }

    protected override void Recycle()
    {
    }
}
