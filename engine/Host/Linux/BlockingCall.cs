namespace Cstor.Engine.Host.Linux;

/// <summary>A function that may block, run off the loop. For administration: it allocates.</summary>
internal sealed class BlockingCall<T>(Func<T> function) : IOffloadedWork
{
    public T Result { get; private set; } = default!;

    public void Execute() => Result = function();
}
