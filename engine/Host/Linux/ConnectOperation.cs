using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>A connect; the result is 0 or a negative errno.</summary>
internal sealed class ConnectOperation(LinuxLoop loop, SocketAddress address) : AwaitableOperation<int>
{
    public ValueTask<int> Start(int file)
    {
        loop.Ring.Attach(this);
        ValueTask<int> task = Task;
        loop.Ring.Queue(
            this, RingConstants.OpConnect, new RingFile(file, -1), address.LengthBytes, address.Address, 0);
        return task;
    }

    public override void OnCompletion(int result, uint flags)
    {
        loop.Ring.Detach(this);
        Finish(result);
    }

    protected override void Recycle() => address.Dispose();
}
