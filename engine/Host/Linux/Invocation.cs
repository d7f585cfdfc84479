using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>See <see cref="LinuxLoop.InvokeAsync{T}"/>.</summary>
internal sealed class Invocation<T>(LinuxLoop loop, Func<ValueTask<T>> function) : ILoopMessage, IInvocation
{
    private readonly TaskCompletionSource<T> _completion =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => _completion.Task;

    public void Deliver() => _ = RunAsync();

    public void Abandon(Exception reason) => _completion.TrySetException(reason);

    private async Task RunAsync()
    {
        try
        {
            T result = await function();
            _completion.TrySetResult(result);
        }
        catch (Exception exception)
        {
            _completion.TrySetException(exception);
            if (exception is CheckFailedException) loop.Fail(exception);
        }
        finally
        {
            loop.Forget(this);
        }
    }
}
